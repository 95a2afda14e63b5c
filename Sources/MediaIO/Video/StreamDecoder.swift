internal import CSouthFFmpeg
internal import FoundationEssentials
internal import TensorCore

/// The best stream of one kind in a container, decoded frame by frame from the start.
///
/// Everything that FFmpeg allocates is released with the object.
final class StreamDecoder {
    private var container: UnsafeMutablePointer<AVFormatContext>?
    private var codec: UnsafeMutablePointer<AVCodecContext>?
    private var packet: UnsafeMutablePointer<AVPacket>?
    private var frame: UnsafeMutablePointer<AVFrame>?
    private let file: String
    private let index: Int32
    private var isDraining = false
    /// What the container says of the stream.
    let stream: UnsafeMutablePointer<AVStream>

    /// Containers that hold media themselves. Playlists and scripts, which name other files, are
    /// not among them.
    private static let formats =
        "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,gif,nut,h264,hevc,"
        + "mpegvideo,m4v,mp3,aac,flac,wav,aiff,caf,amr"

    /// - Throws: `MediaError`; `noVideo` or `noAudio` where there is no such stream
    init(_ path: String, kind: AVMediaType, limits: MediaLimits) throws {
        file = path
        try MediaFile.check(path, limits: limits)
        south_quiet_ffmpeg()
        var options: OpaquePointer?
        av_dict_set(&options, "format_whitelist", StreamDecoder.formats, 0)
        av_dict_set(&options, "protocol_whitelist", "file", 0)
        let opened = avformat_open_input(&container, "file:" + path, nil, &options)
        av_dict_free(&options)
        guard opened == 0, let container else {
            let reason = systemReason(-opened)
            if blamesMachine(reason: reason) {
                throw MediaError.unreadable(file: path, reason: reason)
            }
            let bytes = try MediaFile.bytes(path, limits: limits)
            let found = MediaFile.kind(of: bytes)
            // What it begins as we could read: the promise is kept, the rest is not.
            if found.hasSuffix("clip") || found.hasSuffix("sound") {
                throw MediaError.malformed(
                    file: path, reason: "it begins as \(found), and its header cannot be read")
            }
            throw MediaError.notMedia(
                file: path, found: found,
                expected: kind == AVMEDIA_TYPE_VIDEO ? "a video" : "a sound")
        }
        guard avformat_find_stream_info(container, nil) >= 0 else {
            avformat_close_input(&self.container)
            throw MediaError.malformed(file: path, reason: "its streams cannot be told apart")
        }
        var decoder: UnsafePointer<AVCodec>?
        let best = av_find_best_stream(container, kind, -1, -1, &decoder, 0)
        let found = best >= 0 ? container.pointee.streams[Int(best)] : nil
        // The cover of an album is a video stream of one picture.
        guard let found, found.pointee.disposition & AV_DISPOSITION_ATTACHED_PIC == 0 else {
            avformat_close_input(&self.container)
            if best == south_decoder_not_found() {
                throw MediaError.unsupported(
                    file: path, what: "its codec",
                    mend: "Convert it to H.264 in MP4, or to WAV.")
            }
            throw kind == AVMEDIA_TYPE_VIDEO
                ? MediaError.noVideo(file: path) : MediaError.noAudio(file: path)
        }
        (index, stream) = (best, found)
        if kind == AVMEDIA_TYPE_VIDEO {
            let parameters = found.pointee.codecpar.pointee
            do {
                try limits.admit(
                    width: Int(parameters.width), height: Int(parameters.height), file: path)
            } catch {
                avformat_close_input(&self.container)
                throw error
            }
        }
        for other in 0..<Int(container.pointee.nb_streams) where other != Int(best) {
            container.pointee.streams[other]?.pointee.discard = AVDISCARD_ALL
        }
        codec = avcodec_alloc_context3(decoder)
        packet = av_packet_alloc()
        frame = av_frame_alloc()
        codec?.pointee.thread_count = Int32(min(ThreadPool.count, 16))
        codec?.pointee.max_pixels = Int64(limits.pixels)
        guard let codec, packet != nil, frame != nil,
            avcodec_parameters_to_context(codec, found.pointee.codecpar) >= 0,
            avcodec_open2(codec, decoder, nil) >= 0
        else {
            release()
            throw MediaError.malformed(file: path, reason: "its decoder refuses the stream")
        }
    }

    deinit { release() }

    private func release() {
        av_frame_free(&frame)
        av_packet_free(&packet)
        avcodec_free_context(&codec)
        avformat_close_input(&container)
    }

    /// The codec.
    var codecID: AVCodecID { stream.pointee.codecpar.pointee.codec_id }

    /// The length in seconds that the container claims, or nil.
    var claimedDuration: Double? {
        if stream.pointee.duration > 0, stream.pointee.duration != south_no_pts() {
            return Double(stream.pointee.duration) * av_q2d(stream.pointee.time_base)
        }
        guard let total = container?.pointee.duration, total > 0, total != south_no_pts() else {
            return nil
        }
        return Double(total) / Double(AV_TIME_BASE)
    }

    /// How the container says that pictures are turned to be shown.
    var turn: Turn {
        guard let matrix = south_display_matrix(stream) else { return .none }
        return Turn(displayMatrix: UnsafeBufferPointer(start: matrix, count: 9))
    }

    /// Whether the container is of the MP4 family, whose index names every frame.
    var isMP4: Bool {
        guard let name = container?.pointee.iformat?.pointee.name else { return false }
        return String(cString: name).hasPrefix("mov,")
    }

    /// Bytes of the file.
    var fileBytes: Int64 { container?.pointee.pb.map { avio_size($0) } ?? 0 }

    /// Shows `body` the stream's packets, from here to the end of the file or until it answers no.
    /// Nothing is decoded.
    func forEachPacket(_ body: (AVPacket) -> Bool) throws {
        var goesOn = true
        while goesOn, try readPacket() {
            if let packet { goesOn = body(packet.pointee) }
            av_packet_unref(packet)
        }
    }

    /// Goes to the key frame at or before that time of the stream; false where it cannot.
    func seek(to time: Int64) -> Bool {
        guard av_seek_frame(container, index, time, AVSEEK_FLAG_BACKWARD) >= 0 else { return false }
        avcodec_flush_buffers(codec)
        isDraining = false
        return true
    }

    /// The next frame, which lives until the next call, or nil at the end.
    ///
    /// - Parameter wanted: says of a time whether its frame is of interest; others that nothing is
    ///   predicted from are not decoded, where the codec can tell
    func nextFrame(
        wanted: ((Int64) -> Bool)? = nil
    ) throws -> UnsafeMutablePointer<AVFrame>? {
        while true {
            if Task.isCancelled { throw CancellationError() }
            let got = avcodec_receive_frame(codec, frame)
            if got == 0 { return frame }
            if got == south_averror_eof() { return nil }
            guard got == south_averror(EAGAIN), !isDraining else {
                throw MediaError.malformed(file: file, reason: "a frame cannot be decoded")
            }
            if try readPacket() {
                if let wanted, let codec, let packet {
                    codec.pointee.skip_frame =
                        wanted(packet.pointee.pts) ? AVDISCARD_DEFAULT : AVDISCARD_NONREF
                }
                let sent = avcodec_send_packet(codec, packet)
                av_packet_unref(packet)
                guard sent >= 0 else {
                    throw MediaError.malformed(file: file, reason: "a packet cannot be decoded")
                }
            } else {
                isDraining = true
                avcodec_send_packet(codec, nil)
            }
        }
    }

    /// Reads on to the next packet of the stream; false at the end.
    private func readPacket() throws -> Bool {
        while true {
            if Task.isCancelled { throw CancellationError() }
            let got = av_read_frame(container, packet)
            if got == south_averror_eof() { return false }
            guard got >= 0 else {
                throw MediaError.malformed(file: file, reason: "it cannot be read to its end")
            }
            if packet?.pointee.stream_index == index { return true }
            av_packet_unref(packet)
        }
    }
}
