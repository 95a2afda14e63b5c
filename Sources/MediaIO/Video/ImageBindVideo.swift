public import TensorCore

/// How a clip becomes what ImageBind's vision tower sees.
public struct VideoTransformConfig: Codable, Equatable, Sendable {
    /// Moments of one video that are looked at.
    public var clips: Int
    /// Length of a clip.
    public var seconds: Double
    /// Frames kept of a clip, the first and the last among them.
    public var framesPerClip: Int
    /// Pixels of a side.
    public var size: Int
    /// Mean of each channel, of values in [0, 1].
    public var mean: [Float]
    /// Standard deviation of each channel, of values in [0, 1].
    public var std: [Float]
    /// Where the clips lie.
    public var spacing: ClipSpacing

    /// The published transform; tiny encoders differ.
    public init(
        clips: Int = 5, seconds: Double = 2, framesPerClip: Int = 2, size: Int = 224,
        mean: [Float] = ImageTransformConfig.clipMean,
        std: [Float] = ImageTransformConfig.clipStandardDeviation, spacing: ClipSpacing = .even
    ) {
        (self.clips, self.seconds, self.framesPerClip) = (clips, seconds, framesPerClip)
        (self.size, self.mean, self.std, self.spacing) = (size, mean, std, spacing)
    }
}

/// A video file as ImageBind sees it; its sound is ignored.
///
/// - Shapes: → `[clips · 3, 3, framesPerClip, size, size]`, normalised; view `3 · clip + crop`
/// - Parameter orientation: the original's is `.stored`; `.shown` for clips that people hand in
/// - Throws: `MediaError`
/// - Source: ImageBind `load_and_transform_video_data`, over pytorchvideo
public func imageBindVideo(
    _ path: String, _ config: VideoTransformConfig = VideoTransformConfig(),
    orientation: MediaOrientation = .stored, limits: MediaLimits = MediaLimits()
) throws -> Tensor {
    let video = try VideoReader(path, limits: limits)
    let indices = config.frames(of: video.frameCount, rate: video.framesPerSecond)
    return imageBindVideo(frames: try video.frames(indices, orientation: orientation), config)
}

/// A clip in memory as ImageBind sees it, as if it had been written and read again.
///
/// - Shapes: `clip [frames, 3, height, width]` in [0, 1] →
///   `[clips · 3, 3, framesPerClip, size, size]`
public func imageBindVideo(
    _ clip: Tensor, framesPerSecond: Double,
    _ config: VideoTransformConfig = VideoTransformConfig()
) -> Tensor {
    let indices = config.frames(of: clip.shape[0], rate: framesPerSecond)
    return imageBindVideo(frames: indices.map { RGBImage(clip[$0]) }, config)
}

extension VideoTransformConfig {
    /// Which frames of a video are looked at: `framesPerClip` of each clip in turn.
    fileprivate func frames(of count: Int, rate: Double) -> [Int] {
        let times = ClipTimes(
            duration: Double(count) / rate, clips: clips, seconds: seconds, spacing: spacing)
        return times.frames(rate: rate, count: count).flatMap { range -> [Int] in
            // A slide show may have no frame within a clip: then the one that is on.
            if range.isEmpty {
                let shown = min(max(range.lowerBound - 1, 0), count - 1)
                return [Int](repeating: shown, count: framesPerClip)
            }
            return uniformIndices(framesPerClip, of: range.count).map { range.lowerBound + $0 }
        }
    }
}

/// Frames, `framesPerClip` of each clip in turn, as ImageBind sees them: the shorter side to
/// `size`, bilinear, normalised, three crops along the longer side.
///
/// - Shapes: → `[clips · 3, 3, framesPerClip, size, size]`
public func imageBindVideo(
    frames: [RGBImage], _ config: VideoTransformConfig = VideoTransformConfig()
) -> Tensor {
    let (size, perClip) = (config.size, config.framesPerClip)
    precondition(
        size > 0 && config.mean.count == 3 && config.std.count == 3
            && frames.count == config.clips * perClip,
        "imageBindVideo: \(frames.count) frames for \(config)")
    let area = size * size
    let values = [Float](
        unsafeUninitializedCapacity: config.clips * 3 * 3 * perClip * area
    ) { values, count in
        for (index, frame) in frames.enumerated() {
            let (clip, time) = index.quotientAndRemainder(dividingBy: perClip)
            let (width, height) = frame.shortSideScaled(to: size)
            // The three crops lie side by side or one above the other.
            let origins = threeCrops(width: width, height: height, size: size)
            let columns = origins[0].x..<(origins[2].x + size)
            let rows = origins[0].y..<(origins[2].y + size)
            let planes = frame.resizedBilinear(
                width: width, height: height, columns: columns, rows: rows)
            for (crop, origin) in origins.enumerated() {
                let (left, top) = (origin.x - columns.lowerBound, origin.y - rows.lowerBound)
                for channel in 0..<3 {
                    let (mean, deviation) = (config.mean[channel], config.std[channel])
                    var target = (((clip * 3 + crop) * 3 + channel) * perClip + time) * area
                    for row in 0..<size {
                        let line = (channel * rows.count + top + row) * columns.count + left
                        for column in 0..<size {
                            values[target] = (planes[line + column] - mean) / deviation
                            target += 1
                        }
                    }
                }
            }
        }
        count = config.clips * 3 * 3 * perClip * area
    }
    return Tensor(values, [config.clips * 3, 3, perClip, size, size])
}

extension RGBImage {
    /// Width and height once the shorter side is `size`.
    package func shortSideScaled(to size: Int) -> (width: Int, height: Int) {
        let (w, h) = (Double(width), Double(height))
        return width < height
            ? (size, Int(h / w * Double(size))) : (Int(w / h * Double(size)), size)
    }
}

/// Where the crops at the start, the middle and the end of the longer side begin.
package func threeCrops(width: Int, height: Int, size: Int) -> [(x: Int, y: Int)] {
    // Half a pixel is rounded up here, unlike the cut of a still picture.
    let (x, y) = ((width - size + 1) / 2, (height - size + 1) / 2)
    return height > width
        ? [(x, 0), (x, y), (x, height - size)] : [(0, y), (x, y), (width - size, y)]
}
