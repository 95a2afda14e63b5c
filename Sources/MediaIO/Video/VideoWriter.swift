internal import CSouthFFmpeg
public import TensorCore

/// Writes frames as an MP4 of H.264 that browsers play, as a whole or not at all. The same frames
/// give the same bytes. Sides of odd length grow by a repeated pixel, which the codec demands.
///
/// - Shapes: `frames [count, 3, height, width]`, in [0, 1]; bytes are `⌊255 · p⌋`
/// - Parameters:
///   - framesPerSecond: published for ZeroScope: 8
///   - sound: heard with the frames, as AAC, whose bytes may differ from time to time
/// - Throws: `MediaError.unwritable`
public func writeMP4(
    _ frames: Tensor, to path: String, framesPerSecond: Int = 8, sound: Waveform? = nil
) throws {
    precondition(
        frames.rank == 4 && frames.shape[1] == 3 && frames.count > 0 && framesPerSecond > 0,
        "writeMP4: shape \(frames.shape) at \(framesPerSecond) frames a second")
    let (height, width) = (frames.shape[2], frames.shape[3])
    try MediaFile.write(to: path) { atomic in
        let writer = try VideoWriter(
            file: path, temporary: atomic.temporaryPath, width: width, height: height,
            framesPerSecond: framesPerSecond, sound: sound)
        for index in 0..<frames.shape[0] {
            let planes = frames.selected(0, index).floats()[...]
            let image = RGBImage(planes: planes, height: height, width: width) { UInt8($0 * 255) }
            try writer.append(image)
        }
        try writer.finish()
    }
}

/// An MP4 being written. Everything that FFmpeg allocates is released with the object.
private final class VideoWriter {
    private let file: String
    private var container: UnsafeMutablePointer<AVFormatContext>?
    private var codec: UnsafeMutablePointer<AVCodecContext>?
    private var frame: UnsafeMutablePointer<AVFrame>?
    private var packet: UnsafeMutablePointer<AVPacket>?
    private var stream: UnsafeMutablePointer<AVStream>?
    private var sound: SoundTrack?
    private let framesPerSecond: Int
    private var written: Int64 = 0

    init(
        file: String, temporary: String, width: Int, height: Int, framesPerSecond: Int,
        sound: Waveform?
    ) throws {
        (self.file, self.framesPerSecond) = (file, framesPerSecond)
        south_quiet_ffmpeg()
        guard
            let encoder = avcodec_find_encoder_by_name("libx264")
                ?? avcodec_find_encoder(AV_CODEC_ID_H264)
        else { throw MediaError.unwritable(file: file, reason: "this FFmpeg has no H.264 encoder") }
        let (evenWidth, evenHeight) = (width + width % 2, height + height % 2)
        guard evenWidth <= 16_384, evenHeight <= 16_384 else {
            throw MediaError.unwritable(
                file: file, reason: "\(width) × \(height) is too large for H.264")
        }
        let named = "file:" + temporary
        try check(avformat_alloc_output_context2(&container, nil, "mp4", named), "its container")
        codec = avcodec_alloc_context3(encoder)
        frame = av_frame_alloc()
        packet = av_packet_alloc()
        guard let container, let codec, let frame, packet != nil,
            let stream = avformat_new_stream(container, nil)
        else { throw MediaError.unwritable(file: file, reason: "out of memory") }
        self.stream = stream
        codec.pointee.width = Int32(evenWidth)
        codec.pointee.height = Int32(evenHeight)
        codec.pointee.pix_fmt = AV_PIX_FMT_YUV420P
        codec.pointee.time_base = AVRational(num: 1, den: Int32(framesPerSecond))
        codec.pointee.framerate = AVRational(num: Int32(framesPerSecond), den: 1)
        codec.pointee.colorspace = AVCOL_SPC_SMPTE170M
        codec.pointee.color_range = AVCOL_RANGE_MPEG
        codec.pointee.thread_count = 1  // the bytes depend on the number of threads
        codec.pointee.flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER
        var options: OpaquePointer?
        av_dict_set(&options, "preset", "medium", 0)
        av_dict_set(&options, "crf", "18", 0)
        let opened = avcodec_open2(codec, encoder, &options)
        av_dict_free(&options)
        try check(opened, "its encoder")
        try check(avcodec_parameters_from_context(stream.pointee.codecpar, codec), "its encoder")
        stream.pointee.time_base = codec.pointee.time_base
        stream.pointee.avg_frame_rate = codec.pointee.framerate
        self.sound = try sound.map { try SoundTrack($0, container: container, file: file) }
        container.pointee.flags |= AVFMT_FLAG_BITEXACT
        frame.pointee.format = codec.pointee.pix_fmt.rawValue
        frame.pointee.width = codec.pointee.width
        frame.pointee.height = codec.pointee.height
        frame.pointee.colorspace = codec.pointee.colorspace
        frame.pointee.color_range = codec.pointee.color_range
        try check(av_frame_get_buffer(frame, 0), "a frame")
        try check(avio_open(&container.pointee.pb, named, AVIO_FLAG_WRITE), "the file")
        av_dict_set(&options, "movflags", "+faststart", 0)
        let begun = avformat_write_header(container, &options)
        av_dict_free(&options)
        try check(begun, "its header")
    }

    deinit {
        if let container { avio_closep(&container.pointee.pb) }
        avformat_free_context(container)
        av_packet_free(&packet)
        av_frame_free(&frame)
        avcodec_free_context(&codec)
    }

    func append(_ image: RGBImage) throws {
        if Task.isCancelled { throw CancellationError() }
        guard let frame else { return }
        try check(av_frame_make_writable(frame), "a frame")
        let stride = Int(south_rgb_stride(frame.pointee.width))
        let (width, height) = (Int(frame.pointee.width), Int(frame.pointee.height))
        var rgb = [UInt8](repeating: 0, count: stride * height)
        for y in 0..<height {
            let row = min(y, image.height - 1) * image.width * 3
            for x in 0..<(width * 3) {
                // Past the last pixel, that pixel again.
                let source = x < image.width * 3 ? x : x - 3
                rgb[y * stride + x] = image.pixels[row + source]
            }
        }
        try check(south_from_rgb(rgb, frame), "a frame")
        frame.pointee.pts = written
        written += 1
        try encode(frame)
        try sound?.write(until: Double(written) / Double(framesPerSecond))
    }

    /// Writes what the encoder still holds, and the index.
    func finish() throws {
        try encode(nil)
        try sound?.finish()
        try check(av_write_trailer(container), "its index")
        if let container { try check(avio_closep(&container.pointee.pb), "its end") }
    }

    private func encode(_ frame: UnsafeMutablePointer<AVFrame>?) throws {
        guard let codec, let stream, let packet else { return }
        try check(avcodec_send_frame(codec, frame), "a frame")
        while true {
            let got = avcodec_receive_packet(codec, packet)
            if got == south_averror(EAGAIN) || got == south_averror_eof() { return }
            try check(got, "a frame")
            // Without a duration the last frame would last nothing, and not be shown.
            packet.pointee.duration = 1
            packet.pointee.stream_index = stream.pointee.index
            av_packet_rescale_ts(packet, codec.pointee.time_base, stream.pointee.time_base)
            try check(av_interleaved_write_frame(container, packet), "a frame")
        }
    }

    private func check(_ code: Int32, _ what: String) throws {
        try throwUnwritable(code, what, file: file)
    }
}
