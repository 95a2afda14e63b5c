internal import CSouthSndfile
internal import FoundationEssentials
public import TensorCore

/// Sound as numbers in [−1, 1), channel by channel.
public struct Waveform: Equatable, Sendable {
    /// Samples a second.
    public let sampleRate: Int
    /// `[channels][samples]`, all of one length.
    public let channels: [[Float]]

    /// A sound of these samples.
    public init(sampleRate: Int, channels: [[Float]]) {
        precondition(
            sampleRate > 0 && !channels.isEmpty
                && channels.allSatisfy { $0.count == channels[0].count },
            "Waveform: \(channels.map(\.count)) samples at \(sampleRate) Hz")
        (self.sampleRate, self.channels) = (sampleRate, channels)
    }

    /// Samples of each channel.
    public var count: Int { channels[0].count }
    /// In seconds.
    public var duration: Double { Double(count) / Double(sampleRate) }

    /// Reads WAV, FLAC, OGG, AIFF and whatever else libsndfile knows, or else the first sound of a
    /// container that FFmpeg knows (MP3, MP4, M4A, WebM). Integers of b bits are divided by
    /// 2^(b−1).
    ///
    /// - Throws: `MediaError`
    public init(contentsOf path: String, limits: MediaLimits = MediaLimits()) throws {
        let head = try MediaFile.bytes(path, limits: limits).prefix(3)
        // libsndfile has a reader of MP3 that prints what it finds wrong.
        let isMP3 = head.starts(with: Array("ID3".utf8)) || MediaFile.isMPEGFrame(head)
        guard !isMP3, let file = SoundFile(path) else {
            self = try readContainerSound(path, limits: limits)
            try checkLoudness(path)
            return
        }
        self = try file.read(limits: limits)
        try checkLoudness(path)
    }

    /// Integers that nobody divided are heard; the squares of numbers far above overflow.
    private func checkLoudness(_ path: String) throws {
        let peak = channels.reduce(Float(0)) { $1.reduce($0) { max($0, abs($1)) } }
        guard peak <= 2_147_483_648 else {
            throw MediaError.malformed(
                file: path, reason: "its samples reach \(peak), where 1 is the loudest")
        }
    }
}

/// An open sound file of libsndfile.
private final class SoundFile {
    private let handle: OpaquePointer
    private let info: SF_INFO
    private let path: String

    /// Nil where libsndfile does not know the format.
    init?(_ path: String) {
        var info = SF_INFO()
        guard let handle = sf_open(path, Int32(SFM_READ), &info) else { return nil }
        (self.handle, self.info, self.path) = (handle, info, path)
    }

    deinit { sf_close(handle) }

    func read(limits: MediaLimits) throws -> Waveform {
        let (channels, rate) = (Int(info.channels), Int(info.samplerate))
        try limits.admit(channels: channels, sampleRate: rate, file: path)
        guard info.frames >= 0 else {
            throw MediaError.malformed(file: path, reason: "\(info.frames) samples")
        }
        let (total, overflow) = Int(info.frames).multipliedReportingOverflow(by: channels)
        try limits.admit(seconds: Double(info.frames) / Double(rate), file: path)
        try limits.admit(samples: overflow ? .max : total, file: path)
        var samples = [[Float]](repeating: [], count: channels)
        // The header's count is a promise; what is there is what counts.
        let promised = min(Int(info.frames), 1 << 24)
        for channel in 0..<channels { samples[channel].reserveCapacity(promised) }
        let block = max(1, 65_536 / channels)
        var buffer = [Float](repeating: 0, count: block * channels)
        while true {
            if Task.isCancelled { throw CancellationError() }
            let got = Int(sf_readf_float(handle, &buffer, sf_count_t(block)))
            if got <= 0 { break }
            try limits.admit(samples: (samples[0].count + got) * channels, file: path)
            buffer.withUnsafeBufferPointer { buffer in
                for channel in 0..<channels {
                    // Float files may hold anything; one such sample would spoil a whole clip.
                    samples[channel] += (0..<got).lazy.map {
                        let value = buffer[$0 * channels + channel]
                        return value.isFinite ? value : 0
                    }
                }
            }
        }
        guard sf_error(handle) == 0 else {
            throw MediaError.malformed(file: path, reason: String(cString: sf_strerror(handle)))
        }
        guard !samples[0].isEmpty else { throw MediaError.empty(file: path, what: "samples") }
        return Waveform(sampleRate: rate, channels: samples)
    }
}

/// Writes a mono WAV of 32-bit floats, as a whole or not at all. What is not finite becomes 0.
///
/// - Shapes: `waveform [samples]`, in [−1, 1]
/// - Throws: `MediaError.unwritable`
public func writeWAV(_ waveform: Tensor, to path: String, sampleRate: Int = 16_000) throws {
    let bytes = try wavBytes(waveform, named: path, sampleRate: sampleRate)
    try MediaFile.write(to: path) { try $0.write(bytes) }
}

/// The bytes of such a file; errors call it by that name.
///
/// - Throws: `MediaError.unwritable` for more than a WAV can hold
public func wavBytes(
    _ waveform: Tensor, named path: String = "sound.wav", sampleRate: Int = 16_000
) throws -> [UInt8] {
    precondition(waveform.rank == 1, "wavBytes: shape \(waveform.shape)")
    let samples = waveform.floats()
    guard samples.count < 1_000_000_000 else {
        throw MediaError.unwritable(file: path, reason: "a WAV holds at most 4 GB")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(58 + samples.count * 4)
    func append(_ text: String) { bytes += Array(text.utf8) }
    func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }
    append("RIFF")
    append(UInt32(50 + samples.count * 4))
    append("WAVEfmt ")
    append(UInt32(18))
    append(UInt16(3))  // IEEE floats
    append(UInt16(1))
    append(UInt32(sampleRate))
    append(UInt32(sampleRate * 4))
    append(UInt16(4))
    append(UInt16(32))
    append(UInt16(0))  // no extension
    append("fact")
    append(UInt32(4))
    append(UInt32(samples.count))
    append("data")
    append(UInt32(samples.count * 4))
    for sample in samples { append((sample.isFinite ? sample : 0).bitPattern) }
    return bytes
}
