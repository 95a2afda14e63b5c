internal import CSouthFFmpeg

/// A clip on disk: its measures, and the frames one asks for.
public struct VideoFile: Sendable {
    /// Where it is.
    public let path: String
    /// Frames, counted.
    public let frameCount: Int
    /// Average frames a second, as the container has it.
    public let framesPerSecond: Double
    /// Pixels in a row of a frame.
    public let width: Int
    /// Rows of a frame.
    public let height: Int
    private let limits: MediaLimits

    /// In seconds.
    public var duration: Double { Double(frameCount) / framesPerSecond }

    /// Opens an MP4, MOV, WebM, AVI or another container that FFmpeg knows, and counts its frames:
    /// what a container claims may be missing or wrong. Nothing of the pictures is kept.
    ///
    /// - Throws: `MediaError`
    public init(contentsOf path: String, limits: MediaLimits = MediaLimits()) throws {
        let decoder = try StreamDecoder(path, kind: AVMEDIA_TYPE_VIDEO, limits: limits)
        let (stream, parameters) = (decoder.stream.pointee, decoder.stream.pointee.codecpar.pointee)
        if let seconds = decoder.claimedDuration { try limits.admit(seconds: seconds, file: path) }
        try limits.admit(frames: Int(clamping: stream.nb_frames), file: path)
        let count: Int
        switch decoder.codecID {
        case AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_AV1, AV_CODEC_ID_MJPEG,
            AV_CODEC_ID_VP9:
            count = try decoder.countPackets()
        default:
            // Others have packets that show nothing, or two pictures in one.
            count = try VideoFile.countFrames(decoder, limits, path)
        }
        try limits.admit(frames: count, file: path)
        guard count > 0 else { throw MediaError.empty(file: path, what: "frames") }
        let claimed = decoder.claimedDuration.map { Double(count) / $0 } ?? 0
        let rates = [av_q2d(stream.avg_frame_rate), av_q2d(stream.r_frame_rate), claimed]
        guard let rate = rates.first(where: { $0.isFinite && $0 > 0 }) else {
            throw MediaError.malformed(file: path, reason: "it has no frame rate")
        }
        (self.path, self.limits) = (path, limits)
        (frameCount, framesPerSecond) = (count, rate)
        (width, height) = (Int(parameters.width), Int(parameters.height))
        try limits.admit(seconds: duration, file: path)
    }

    private static func countFrames(
        _ decoder: StreamDecoder, _ limits: MediaLimits, _ path: String
    ) throws -> Int {
        var count = 0
        while try decoder.nextFrame() != nil {
            count += 1
            try limits.admit(frames: count, file: path)
        }
        return count
    }

    /// Some of the frames, by index from 0, in any order and repeated at will; all by default.
    /// Rotation that the container asks for is not applied, as in the original.
    ///
    /// Frames are decoded from the start to the last one wanted; only the wanted ones are converted
    /// and kept.
    ///
    /// - Throws: `MediaError`
    public func frames(_ indices: [Int]? = nil) throws -> [RGBImage] {
        let indices = indices ?? Array(0..<frameCount)
        precondition(
            indices.allSatisfy { (0..<frameCount).contains($0) },
            "frames: \(indices) of \(frameCount)")
        let wanted = Set(indices)
        let bytes = wanted.count.multipliedReportingOverflow(by: width * height)
        guard !bytes.overflow, bytes.partialValue <= max(limits.pixels, width * height) * 16 else {
            throw MediaError.tooLarge(
                file: path, what: "pixels in the frames asked for",
                found: bytes.overflow ? .max : bytes.partialValue, limit: limits.pixels * 16)
        }
        let decoder = try StreamDecoder(path, kind: AVMEDIA_TYPE_VIDEO, limits: limits)
        var found: [Int: RGBImage] = [:]
        var index = 0
        while found.count < wanted.count, let frame = try decoder.nextFrame() {
            if wanted.contains(index) { found[index] = try picture(frame) }
            index += 1
        }
        return try indices.map { index in
            guard let image = found[index] else {
                throw MediaError.truncated(
                    file: path, reason: "frame \(index) of \(frameCount) is not there")
            }
            return image
        }
    }

    private func picture(_ frame: UnsafeMutablePointer<AVFrame>) throws -> RGBImage {
        let (width, height) = (Int(frame.pointee.width), Int(frame.pointee.height))
        guard width == self.width, height == self.height else {
            throw MediaError.malformed(
                file: path,
                reason: "a frame of \(width) × \(height) in a clip of "
                    + "\(self.width) × \(self.height)")
        }
        var converted: Int32 = 0
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
            converted = south_to_rgb(frame, buffer.baseAddress)
            count = converted == 0 ? width * height * 3 : 0
        }
        guard converted == 0 else {
            throw MediaError.unsupported(
                file: path, what: "its pixel format", mend: "Convert it to H.264 in MP4.")
        }
        return RGBImage(width: width, height: height, pixels: pixels)
    }
}
