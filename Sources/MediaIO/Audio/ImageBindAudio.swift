public import TensorCore

/// How a sound becomes what ImageBind's audio tower sees.
public struct AudioTransformConfig: Codable, Equatable, Sendable {
    /// Clips of one sound.
    public var clips: Int
    /// Length of a clip.
    public var seconds: Double
    /// Rows of the spectrogram.
    public var melBins: Int
    /// Its columns, 10 ms each; the rest of a clip is cut, missing ones are zero before
    /// normalising.
    public var frames: Int
    /// Samples a second that the filter banks work at.
    public var sampleRate: Int
    /// Mean of the spectrogram's values.
    public var mean: Float
    /// Standard deviation of the spectrogram's values.
    public var std: Float
    /// Where the clips lie.
    public var spacing: ClipSpacing

    /// The published transform; tiny encoders differ.
    public init(
        clips: Int = 3, seconds: Double = 2, melBins: Int = 128, frames: Int = 204,
        sampleRate: Int = 16_000, mean: Float = -4.268, std: Float = 9.138,
        spacing: ClipSpacing = .even
    ) {
        (self.clips, self.seconds, self.melBins, self.frames) = (clips, seconds, melBins, frames)
        (self.sampleRate, self.mean, self.std) = (sampleRate, mean, std)
        self.spacing = spacing
    }
}

/// A sound file as ImageBind hears it.
///
/// - Shapes: → `[clips, 1, melBins, frames]`, normalised
/// - Throws: `MediaError`
public func imageBindAudio(
    _ path: String, _ config: AudioTransformConfig = AudioTransformConfig(),
    limits: MediaLimits = MediaLimits()
) throws -> Tensor {
    try imageBindAudio(try Waveform(contentsOf: path, limits: limits), config, file: path)
}

/// A sound as ImageBind hears it: clips, each with its own mean removed, as log-mel spectrograms of
/// the first channel.
///
/// Unlike the original, a clip's mean is taken off a copy, so clips that overlap do not change each
/// other.
///
/// - Shapes: → `[clips, 1, melBins, frames]`
/// - Parameter file: named in errors
/// - Throws: `MediaError.tooShort` for less than one frame of 25 ms
/// - Source: ImageBind `load_and_transform_audio_data`
public func imageBindAudio(
    _ waveform: Waveform, _ config: AudioTransformConfig = AudioTransformConfig(),
    file: String = "the sound"
) throws -> Tensor {
    let bank = FilterBank(sampleRate: config.sampleRate, melBins: config.melBins)
    let resample =
        waveform.sampleRate == config.sampleRate
        ? nil : SincResampler(from: waveform.sampleRate, to: config.sampleRate)
    let count = resample?.count(waveform.count) ?? waveform.count
    let times = ClipTimes(
        duration: Double(count) / Double(config.sampleRate), clips: config.clips,
        seconds: config.seconds, spacing: config.spacing)
    var values: [Float] = []
    values.reserveCapacity(config.clips * config.melBins * config.frames)
    var (last, spectrogram): (Range<Int>?, [Float]) = (nil, [])
    for range in times.samples(rate: config.sampleRate) {
        let range = range.clamped(to: 0..<count)
        guard range.count >= bank.window else {
            throw MediaError.tooShort(
                file: file, found: waveform.duration,
                expected: Double(bank.window) / Double(config.sampleRate))
        }
        // The clips of a short sound are one and the same.
        if range != last {
            let clip = waveform.channels.map { samples in
                resample.map { $0(samples, range: range) } ?? Array(samples[range])
            }
            spectrogram = bank(withoutMean(clip))
            last = range
        }
        let frames = spectrogram.count / config.melBins
        for bin in 0..<config.melBins {
            for frame in 0..<config.frames {
                let value = frame < frames ? spectrogram[frame * config.melBins + bin] : 0
                values.append((value - config.mean) / config.std)
            }
        }
    }
    return Tensor(values, [config.clips, 1, config.melBins, config.frames])
}

/// The first channel without the mean of all channels.
private func withoutMean(_ channels: [[Float]]) -> [Float] {
    let total = channels.reduce(0.0) { $1.reduce($0) { $0 + Double($1) } }
    let mean = Float(total / Double(channels[0].count * channels.count))
    return channels[0].map { $0 - mean }
}
