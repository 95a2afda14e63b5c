internal import CSouthFFmpeg

/// The sound of an MP4 being written, as AAC. Everything that FFmpeg allocates is released with the
/// object.
final class SoundTrack {
    private let file: String
    private let sound: Waveform
    private let container: UnsafeMutablePointer<AVFormatContext>
    private let stream: UnsafeMutablePointer<AVStream>
    private var codec: UnsafeMutablePointer<AVCodecContext>?
    private var frame: UnsafeMutablePointer<AVFrame>?
    private var packet: UnsafeMutablePointer<AVPacket>?
    private var sent = 0

    /// The rates that AAC has.
    private static let rates = [
        7_350, 8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000,
        88_200, 96_000,
    ]

    /// Adds a stream to a container whose header is not written yet. A rate that AAC lacks becomes
    /// 44 100 Hz; of more than two channels the first two are kept.
    init(
        _ sound: Waveform, container: UnsafeMutablePointer<AVFormatContext>, file: String
    ) throws {
        let rate = SoundTrack.rates.contains(sound.sampleRate) ? sound.sampleRate : 44_100
        self.sound = Waveform(
            sampleRate: sound.sampleRate, channels: Array(sound.channels.prefix(2))
        ).resampled(to: rate)
        (self.container, self.file) = (container, file)
        guard let encoder = avcodec_find_encoder(AV_CODEC_ID_AAC) else {
            throw MediaError.unwritable(file: file, reason: "this FFmpeg has no AAC encoder")
        }
        codec = avcodec_alloc_context3(encoder)
        frame = av_frame_alloc()
        packet = av_packet_alloc()
        guard let codec, let frame, packet != nil,
            let stream = avformat_new_stream(container, nil)
        else { throw MediaError.unwritable(file: file, reason: "out of memory") }
        self.stream = stream
        let channels = Int32(self.sound.channels.count)
        codec.pointee.sample_fmt = AV_SAMPLE_FMT_FLTP
        codec.pointee.sample_rate = Int32(rate)
        codec.pointee.bit_rate = 96_000 * Int64(channels)
        codec.pointee.time_base = AVRational(num: 1, den: Int32(rate))
        av_channel_layout_default(&codec.pointee.ch_layout, channels)
        codec.pointee.thread_count = 1
        codec.pointee.flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER
        try check(avcodec_open2(codec, encoder, nil), "its sound encoder")
        try check(
            avcodec_parameters_from_context(stream.pointee.codecpar, codec), "its sound encoder")
        stream.pointee.time_base = codec.pointee.time_base
        frame.pointee.format = AV_SAMPLE_FMT_FLTP.rawValue
        frame.pointee.sample_rate = Int32(rate)
        frame.pointee.nb_samples = codec.pointee.frame_size
        av_channel_layout_default(&frame.pointee.ch_layout, channels)
        try check(av_frame_get_buffer(frame, 0), "its sound")
    }

    deinit {
        av_packet_free(&packet)
        av_frame_free(&frame)
        avcodec_free_context(&codec)
    }

    /// Encodes what is heard before that time.
    func write(until seconds: Double) throws {
        guard let codec, let frame else { return }
        while sent < sound.count, Double(sent) < seconds * Double(sound.sampleRate) {
            try check(av_frame_make_writable(frame), "its sound")
            let count = min(Int(codec.pointee.frame_size), sound.count - sent)
            for (channel, samples) in sound.channels.enumerated() {
                guard let plane = frame.pointee.extended_data[channel] else { continue }
                plane.withMemoryRebound(to: Float.self, capacity: count) { plane in
                    for index in 0..<count {
                        let sample = samples[sent + index]
                        plane[index] = sample.isFinite ? min(max(sample, -1), 1) : 0
                    }
                }
            }
            frame.pointee.nb_samples = Int32(count)
            frame.pointee.pts = Int64(sent)
            sent += count
            try encode(frame)
        }
    }

    /// Encodes the rest, and writes what the encoder still holds.
    func finish() throws {
        try write(until: .infinity)
        try encode(nil)
    }

    private func encode(_ frame: UnsafeMutablePointer<AVFrame>?) throws {
        guard let codec, let packet else { return }
        try check(avcodec_send_frame(codec, frame), "its sound")
        while true {
            let got = avcodec_receive_packet(codec, packet)
            if got == south_averror(EAGAIN) || got == south_averror_eof() { return }
            try check(got, "its sound")
            packet.pointee.stream_index = stream.pointee.index
            av_packet_rescale_ts(packet, codec.pointee.time_base, stream.pointee.time_base)
            try check(av_interleaved_write_frame(container, packet), "its sound")
        }
    }

    private func check(_ code: Int32, _ what: String) throws {
        try throwUnwritable(code, what, file: file)
    }
}

/// Throws where FFmpeg returned an error, with its text.
func throwUnwritable(_ code: Int32, _ what: String, file: String) throws {
    guard code < 0 else { return }
    var text = [CChar](repeating: 0, count: 128)
    av_strerror(code, &text, text.count)
    let reason = text.withUnsafeBytes {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self).lowercased()
    }
    throw MediaError.unwritable(file: file, reason: "\(what): \(reason)")
}
