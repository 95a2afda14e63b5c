/// A clip on disk: its measures, and the frames one asks for.
public struct VideoFile: Sendable {
    /// Where it is.
    public let path: String
    /// Frames, counted.
    public let frameCount: Int
    /// Average frames a second, as the container has it.
    public let framesPerSecond: Double
    /// Pixels in a row of a frame, as stored.
    public let width: Int
    /// Rows of a frame, as stored.
    public let height: Int
    private let limits: MediaLimits

    /// In seconds.
    public var duration: Double { Double(frameCount) / framesPerSecond }

    /// Opens an MP4, MOV, WebM, AVI, GIF or another container that FFmpeg knows, and counts its
    /// frames: what a container claims may be missing or wrong. Nothing of the pictures is kept.
    ///
    /// - Throws: `MediaError`
    public init(contentsOf path: String, limits: MediaLimits = MediaLimits()) throws {
        let reader = try VideoReader(path, limits: limits)
        (self.path, self.limits) = (path, limits)
        (frameCount, framesPerSecond) = (reader.frameCount, reader.framesPerSecond)
        (width, height) = (reader.width, reader.height)
    }

    /// Some of the frames, by index from 0, in any order and repeated at will; all by default.
    ///
    /// Each is decoded from the key frame before it where the container tells when frames are
    /// shown, else from the start; only the wanted ones are converted and kept.
    ///
    /// - Parameter orientation: whether the container's display matrix is applied; the original
    ///   ignores it
    /// - Throws: `MediaError`
    public func frames(
        _ indices: [Int]? = nil, orientation: MediaOrientation = .stored
    ) throws -> [RGBImage] {
        let reader = try VideoReader(path, limits: limits)
        guard reader.frameCount == frameCount else {
            throw MediaError.malformed(
                file: path, reason: "it had \(frameCount) frames, now \(reader.frameCount)")
        }
        return try reader.frames(indices ?? Array(0..<frameCount), orientation: orientation)
    }
}
