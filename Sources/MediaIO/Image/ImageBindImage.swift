public import TensorCore

/// How a picture becomes what ImageBind's vision tower sees.
public struct ImageTransformConfig: Codable, Equatable, Sendable {
    /// Pixels of a side.
    public var size: Int
    /// Mean of each channel, of values in [0, 1].
    public var mean: [Float]
    /// Standard deviation of each channel, of values in [0, 1].
    public var std: [Float]

    /// The published transform, CLIP's, at any size.
    public init(
        size: Int = 224, mean: [Float] = clipMean, std: [Float] = clipStandardDeviation
    ) {
        (self.size, self.mean, self.std) = (size, mean, std)
    }

    /// The channel means of CLIP's training pictures.
    public static let clipMean: [Float] = [0.48145466, 0.4578275, 0.40821073]
    /// The channel deviations of CLIP's training pictures.
    public static let clipStandardDeviation: [Float] = [0.26862954, 0.26130258, 0.27577711]
}

/// A picture file as ImageBind sees it.
///
/// - Shapes: → `[3, size, size]`, normalised
/// - Parameter orientation: the original's is `.stored`; `.shown` for pictures that people hand in
/// - Throws: `MediaError`
public func imageBindImage(
    _ path: String, _ config: ImageTransformConfig = ImageTransformConfig(),
    orientation: MediaOrientation = .stored, limits: MediaLimits = MediaLimits()
) throws -> Tensor {
    imageBindImage(
        try RGBImage(contentsOf: path, orientation: orientation, limits: limits), config)
}

/// A picture as ImageBind sees it: the shorter side to `size`, bicubic on bytes, cut around the
/// centre, normalised.
///
/// - Shapes: → `[3, size, size]`
/// - Source: ImageBind `load_and_transform_vision_data`, over torchvision and Pillow
public func imageBindImage(
    _ image: RGBImage, _ config: ImageTransformConfig = ImageTransformConfig()
) -> Tensor {
    let size = config.size
    precondition(
        size > 0 && config.mean.count == 3 && config.std.count == 3, "imageBindImage: \(config)")
    let cut = image.resizedAndCut(size)
    let area = size * size
    // A byte has 256 values: their normalised forms are looked up.
    let normalized = (0..<3).flatMap { channel in
        (0..<256).map { (Float($0) / 255 - config.mean[channel]) / config.std[channel] }
    }
    let values = [Float](unsafeUninitializedCapacity: 3 * area) { values, count in
        cut.pixels.withUnsafeBufferPointer { pixels in
            normalized.withUnsafeBufferPointer { normalized in
                for index in 0..<area {
                    values[index] = normalized[Int(pixels[3 * index])]
                    values[area + index] = normalized[256 + Int(pixels[3 * index + 1])]
                    values[2 * area + index] = normalized[512 + Int(pixels[3 * index + 2])]
                }
            }
        }
        count = 3 * area
    }
    return Tensor(values, [3, size, size])
}

extension RGBImage {
    /// The middle `size` × `size` of the picture whose shorter side was brought to `size`.
    package func resizedAndCut(_ size: Int) -> RGBImage {
        let long = Int(Double(size) * Double(max(width, height)) / Double(min(width, height)))
        let (newWidth, newHeight) = width <= height ? (size, long) : (long, size)
        let left = Int((Double(newWidth - size) / 2).rounded(.toNearestOrEven))
        let top = Int((Double(newHeight - size) / 2).rounded(.toNearestOrEven))
        return resizedBicubic(
            width: newWidth, height: newHeight,
            window: (left..<(left + size), top..<(top + size)))
    }
}
