internal import CSouthImageCodecs
internal import FoundationEssentials
internal import Glibc
public import TensorCore

/// A picture of 8-bit RGB pixels, row by row from the top left.
public struct RGBImage: Equatable, Sendable {
    /// Pixels in a row.
    public let width: Int
    /// Rows.
    public let height: Int
    /// `[height, width, 3]`.
    public let pixels: [UInt8]

    /// A picture of these bytes.
    public init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(
            width > 0 && height > 0 && pixels.count == width * height * 3,
            "RGBImage: \(pixels.count) bytes for \(width) × \(height)")
        (self.width, self.height, self.pixels) = (width, height, pixels)
    }

    /// Reads a JPEG, PNG, WebP, GIF, BMP or TIFF, told apart by content; of an animation or a file
    /// of several pages the first picture.
    ///
    /// Palettes are expanded, grey is replicated, alpha is dropped, CMYK is converted as Pillow
    /// does, 16 bits keep their upper byte (Pillow saturates 16-bit grey, which loses the picture).
    ///
    /// - Parameter orientation: whether the EXIF orientation is applied; the original ignores it
    /// - Throws: `MediaError`
    public init(
        contentsOf path: String, orientation: MediaOrientation = .stored,
        limits: MediaLimits = MediaLimits()
    ) throws {
        let data = try MediaFile.bytes(path, limits: limits)
        self = try data.withUnsafeBytes { bytes in
            guard let format = PictureFormat(bytes) else {
                throw RGBImage.notAPicture(MediaFile.kind(of: data), path)
            }
            let stored =
                format.codec == nil
                ? try RGBImage.decode(bytes, isJPEG: format == .jpeg, path, limits)
                : try decodeStill(bytes, format, file: path, limits: limits)
            return orientation == .stored ? stored : stored.turned(EXIF.turn(ofPicture: bytes))
        }
    }

    private static func notAPicture(_ kind: String, _ path: String) -> MediaError {
        kind.hasSuffix("picture")
            ? .unsupported(file: path, what: kind, mend: "Convert it to PNG or JPEG.")
            : .notMedia(file: path, found: kind, expected: "a picture such as JPEG or PNG")
    }

    private static func decode(
        _ bytes: UnsafeRawBufferPointer, isJPEG: Bool, _ path: String, _ limits: MediaLimits
    ) throws -> RGBImage {
        let (base, count) = (bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count)
        let header = isJPEG ? south_jpeg_header(base, count) : south_png_header(base, count)
        try RGBImage.check(header, path)
        let (width, height) = (Int(header.width), Int(header.height))
        try limits.admit(width: width, height: height, file: path)
        var result = header
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, size in
            let start = buffer.baseAddress
            result =
                isJPEG
                ? south_jpeg_read(base, count, start, header.width, header.height)
                : south_png_read(base, count, start, header.width, header.height)
            size = RGBImage.failure(of: result) == nil ? width * height * 3 : 0
        }
        try RGBImage.check(result, path)
        return RGBImage(width: width, height: height, pixels: pixels)
    }

    private static func check(_ result: south_image_result, _ path: String) throws {
        guard let reason = failure(of: result) else { return }
        if result.status == Int32(SOUTH_IMAGE_TRUNCATED) {
            throw MediaError.truncated(file: path, reason: reason)
        }
        throw MediaError.malformed(file: path, reason: reason)
    }

    /// The codec's message, or nil where it succeeded.
    private static func failure(of result: south_image_result) -> String? {
        guard result.status != Int32(SOUTH_IMAGE_OK) else { return nil }
        return withUnsafeBytes(of: result.message) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// A picture of numbers in [0, 1], rounded to bytes, half to even; the rest is clamped.
    ///
    /// - Shapes: `image [3, height, width]`
    public init(_ image: Tensor) {
        precondition(image.rank == 3 && image.shape[0] == 3, "RGBImage: shape \(image.shape)")
        let (height, width) = (image.shape[1], image.shape[2])
        self.init(planes: image.floats()[...], height: height, width: width) {
            UInt8(($0 * 255).rounded(.toNearestOrEven))
        }
    }

    /// Interleaves three planes; `byte` meets numbers in [0, 1] only.
    init(planes: ArraySlice<Float>, height: Int, width: Int, byte: (Float) -> UInt8) {
        let area = height * width
        var pixels = [UInt8](repeating: 0, count: area * 3)
        for channel in 0..<3 {
            let start = planes.startIndex + channel * area
            for index in 0..<area {
                let value = planes[start + index]
                // Written so that NaN becomes 0.
                pixels[index * 3 + channel] = byte(value > 0 ? (value < 1 ? value : 1) : 0)
            }
        }
        self.init(width: width, height: height, pixels: pixels)
    }

    /// Writes a PNG, as a whole or not at all.
    ///
    /// - Parameter texts: what stands beside the pixels, see `PNGText`
    public func writePNG(
        to path: String, texts: [(keyword: String, text: String)] = []
    ) throws {
        let bytes = PNGText.adding(texts, to: try png(named: path))
        try MediaFile.write(to: path) { try $0.write(bytes) }
    }

    /// Writes a JPEG of `quality` 1 to 100, as a whole or not at all.
    public func writeJPEG(to path: String, quality: Int = 95) throws {
        precondition((1...100).contains(quality), "writeJPEG: quality \(quality)")
        let bytes = try encoded(named: path) {
            south_jpeg_write($0, Int32(width), Int32(height), Int32(quality), $1, $2)
        }
        try MediaFile.write(to: path) { try $0.write(bytes) }
    }

    /// The bytes of a PNG; errors call it by that name.
    public func png(named name: String = "picture.png") throws -> [UInt8] {
        try encoded(named: name) { south_png_write($0, Int32(width), Int32(height), $1, $2) }
    }

    private func encoded(
        named name: String,
        _ encode: (
            UnsafePointer<UInt8>?, UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>,
            UnsafeMutablePointer<Int>
        ) -> south_image_result
    ) throws -> [UInt8] {
        var file: UnsafeMutablePointer<UInt8>?
        var count = 0
        let result = pixels.withUnsafeBufferPointer { encode($0.baseAddress, &file, &count) }
        defer { free(file) }
        if let reason = RGBImage.failure(of: result) {
            throw MediaError.unwritable(file: name, reason: reason)
        }
        return [UInt8](UnsafeBufferPointer(start: file, count: count))
    }
}

/// Writes numbers in [0, 1] as a PNG, as a whole or not at all.
///
/// - Shapes: `image [3, height, width]`
public func writePNG(_ image: Tensor, to path: String) throws {
    try RGBImage(image).writePNG(to: path)
}

/// Writes numbers in [0, 1] as a JPEG, as a whole or not at all.
///
/// - Shapes: `image [3, height, width]`
public func writeJPEG(_ image: Tensor, to path: String, quality: Int = 95) throws {
    try RGBImage(image).writeJPEG(to: path, quality: quality)
}
