internal import CSouthFFmpeg
internal import Glibc

/// The first picture of a file in a format that FFmpeg reads for us.
///
/// - Throws: `MediaError`
func decodeStill(
    _ bytes: UnsafeRawBufferPointer, _ format: PictureFormat, file: String, limits: MediaLimits
) throws -> RGBImage {
    if format == .webP {
        // FFmpeg decodes what there is; the file says how much there should be.
        let promised = 8 + (0..<4).reduce(0) { $0 | Int(bytes[4 + $1]) << (8 * $1) }
        guard promised <= bytes.count else {
            throw MediaError.truncated(
                file: file, reason: "\(promised) bytes are promised, \(bytes.count) are there")
        }
    }
    guard let (width, height) = format.size(bytes) else {
        throw MediaError.malformed(file: file, reason: "its header cannot be read")
    }
    try limits.admit(width: width, height: height, file: file)
    if format == .gif, GIFFile.isCut(bytes) {
        throw MediaError.truncated(file: file, reason: "its first picture has no end")
    }
    if format == .webP {
        if let frame = WebPFile.firstFrame(bytes) {
            let picture = try frame.file.withUnsafeBytes {
                try StillDecoder(format, file: file, limits: limits).decode($0)
            }
            guard frame.left + picture.width <= width, frame.top + picture.height <= height else {
                throw MediaError.malformed(
                    file: file, reason: "its first picture does not lie within its canvas")
            }
            return picture.onCanvas(
                width: width, height: height, left: frame.left, top: frame.top)
        }
    }
    return try StillDecoder(format, file: file, limits: limits).decode(bytes)
}

extension RGBImage {
    /// The picture on a black canvas, within which it lies.
    fileprivate func onCanvas(
        width newWidth: Int, height newHeight: Int, left: Int, top: Int
    ) -> RGBImage {
        if (left, top) == (0, 0), (width, height) == (newWidth, newHeight) { return self }
        var canvas = [UInt8](repeating: 0, count: newWidth * newHeight * 3)
        for row in 0..<height {
            let (source, target) = (row * width * 3, ((row + top) * newWidth + left) * 3)
            canvas.replaceSubrange(
                target..<(target + width * 3), with: pixels[source..<(source + width * 3)])
        }
        return RGBImage(width: newWidth, height: newHeight, pixels: canvas)
    }
}

/// A decoder of FFmpeg that is given a file as one packet. Everything that FFmpeg allocates is
/// released with the object.
private final class StillDecoder {
    private let file: String
    private var codec: UnsafeMutablePointer<AVCodecContext>?
    private var packet: UnsafeMutablePointer<AVPacket>?
    private var frame: UnsafeMutablePointer<AVFrame>?

    init(_ format: PictureFormat, file: String, limits: MediaLimits) throws {
        self.file = file
        south_quiet_ffmpeg()
        guard let decoder = avcodec_find_decoder(format.codec ?? AV_CODEC_ID_NONE) else {
            throw MediaError.unsupported(
                file: file, what: "its format by this FFmpeg", mend: "Convert it to PNG or JPEG.")
        }
        codec = avcodec_alloc_context3(decoder)
        packet = av_packet_alloc()
        frame = av_frame_alloc()
        codec?.pointee.thread_count = 1
        codec?.pointee.max_pixels = Int64(limits.pixels)
        codec?.pointee.err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BUFFER
        guard packet != nil, frame != nil, avcodec_open2(codec, decoder, nil) >= 0 else {
            throw MediaError.malformed(file: file, reason: "its decoder refuses it")
        }
    }

    deinit {
        av_frame_free(&frame)
        av_packet_free(&packet)
        avcodec_free_context(&codec)
    }

    func decode(_ bytes: UnsafeRawBufferPointer) throws -> RGBImage {
        let damaged = MediaError.malformed(file: file, reason: "the picture cannot be decoded")
        guard let count = Int32(exactly: bytes.count), av_new_packet(packet, count) == 0,
            let packet, let frame
        else { throw damaged }
        if let start = bytes.baseAddress { memcpy(packet.pointee.data, start, bytes.count) }
        guard avcodec_send_packet(codec, packet) >= 0 else { throw damaged }
        avcodec_send_packet(codec, nil)
        guard avcodec_receive_frame(codec, frame) == 0 else { throw damaged }
        let isLossyWebP =
            frame.pointee.format == AV_PIX_FMT_YUV420P.rawValue
            || frame.pointee.format == AV_PIX_FMT_YUVA420P.rawValue
        guard let image = isLossyWebP ? RGBImage(webP: frame) : RGBImage(frame) else {
            throw MediaError.unsupported(
                file: file, what: "its pixel format", mend: "Convert it to PNG or JPEG.")
        }
        return image
    }
}

extension RGBImage {
    /// A decoded frame, or nil where its format cannot be converted. Colours of 4:2:0 are not
    /// interpolated, as by other readers of clips.
    init?(_ frame: UnsafeMutablePointer<AVFrame>) {
        let (width, height) = (Int(frame.pointee.width), Int(frame.pointee.height))
        guard width > 0, height > 0 else { return nil }
        var converted: Int32 = 0
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
            converted = south_to_rgb(frame, buffer.baseAddress)
            count = converted == 0 ? width * height * 3 : 0
        }
        guard converted == 0 else { return nil }
        self.init(width: width, height: height, pixels: pixels)
    }
}
