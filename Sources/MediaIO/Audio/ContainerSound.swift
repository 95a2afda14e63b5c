internal import CSouthFFmpeg

/// The first sound of an MP4, WebM or other container, as FFmpeg decodes it.
///
/// - Throws: `MediaError`
func readContainerSound(_ path: String, limits: MediaLimits) throws -> Waveform {
    let decoder = try StreamDecoder(path, kind: AVMEDIA_TYPE_AUDIO, limits: limits)
    if let seconds = decoder.claimedDuration { try limits.admit(seconds: seconds, file: path) }
    var samples: [[Float]] = []
    var rate = 0
    while let frame = try decoder.nextFrame() {
        let channels = Int(frame.pointee.ch_layout.nb_channels)
        if samples.isEmpty {
            rate = Int(frame.pointee.sample_rate)
            try limits.admit(channels: channels, sampleRate: rate, file: path)
            samples = [[Float]](repeating: [], count: channels)
        }
        guard channels == samples.count, Int(frame.pointee.sample_rate) == rate else {
            throw MediaError.malformed(file: path, reason: "the sound's format changes on the way")
        }
        let count = Int(frame.pointee.nb_samples)
        try limits.admit(samples: (samples[0].count + count) * channels, file: path)
        try limits.admit(seconds: Double(samples[0].count + count) / Double(rate), file: path)
        for channel in 0..<channels {
            guard let values = floats(of: frame, channel: channel, channels: channels) else {
                throw MediaError.unsupported(
                    file: path, what: "its sample format", mend: "Convert it to WAV.")
            }
            samples[channel] += values
        }
    }
    guard !samples.isEmpty, !samples[0].isEmpty else {
        throw MediaError.empty(file: path, what: "samples")
    }
    return Waveform(sampleRate: rate, channels: samples)
}

/// One channel of a decoded frame in [−1, 1), or nil for a format that has no samples of its own.
private func floats(
    of frame: UnsafeMutablePointer<AVFrame>, channel: Int, channels: Int
) -> [Float]? {
    let format = AVSampleFormat(rawValue: frame.pointee.format)
    let planar = av_sample_fmt_is_planar(format) == 1
    guard let base = frame.pointee.extended_data[planar ? channel : 0] else { return nil }
    let count = Int(frame.pointee.nb_samples)
    let (first, step) = planar ? (0, 1) : (channel, channels)
    func read<Sample>(_ type: Sample.Type, _ convert: (Sample) -> Float) -> [Float] {
        base.withMemoryRebound(to: type, capacity: count * step) { samples in
            (0..<count).map { convert(samples[first + $0 * step]) }
        }
    }
    func finite(_ value: Float) -> Float { value.isFinite ? value : 0 }
    switch av_get_packed_sample_fmt(format) {
    case AV_SAMPLE_FMT_U8: return read(UInt8.self) { (Float($0) - 128) / 128 }
    case AV_SAMPLE_FMT_S16: return read(Int16.self) { Float($0) / 32_768 }
    case AV_SAMPLE_FMT_S32: return read(Int32.self) { Float($0) / 2_147_483_648 }
    case AV_SAMPLE_FMT_FLT: return read(Float.self, finite)
    case AV_SAMPLE_FMT_DBL: return read(Double.self) { finite(Float($0)) }
    default: return nil
    }
}
