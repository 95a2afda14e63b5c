import Foundation
import MediaIO
import TensorCore
import TestSupport
import Testing

/// A file made by `Tests/Fixtures/media_formats.py`.
func form(_ name: String) -> String { Fixture.path("media/formats/\(name)") }

/// The largest difference of two pictures' bytes, or 256 where their sizes differ.
func largestDifference(_ a: RGBImage, _ b: RGBImage) -> Int {
    guard a.width == b.width, a.height == b.height else { return 256 }
    return zip(a.pixels, b.pixels).map { abs(Int($0) - Int($1)) }.max() ?? 0
}

@Suite struct PictureFormatTests {
    @Test(arguments: [
        "two-bits.png", "four-bits.png", "grey-alpha.png", "palette-alpha.png", "interlaced.png",
        "deep.png", "deep-alpha.png", "deep-grey.png", "deep-grey-alpha.png", "lossless.webp",
        "lossless-alpha.webp", "lossy.webp", "lossy-alpha.webp", "animated.webp", "still.gif",
        "animated.gif", "colour.bmp",
        "palette.bmp", "colour.tiff", "grey.tiff", "turned.png", "turned.webp",
    ])
    func readsTheSameBytesAsPillow(name: String) throws {
        let expected = image(try Fixture("media_formats")["picture/\(name)"])
        #expect(largestDifference(try RGBImage(contentsOf: form(name)), expected) == 0)
    }

    @Test(arguments: [
        ("smooth.jpg", 1), ("grey-progressive.jpg", 1), ("cmyk-progressive.jpg", 2),
        ("turned1.jpg", 1),
    ])
    func readsTheRestCloseToPillow(_ argument: (name: String, tolerance: Int)) throws {
        let expected = image(try Fixture("media_formats")["picture/\(argument.name)"])
        let found = try RGBImage(contentsOf: form(argument.name))
        #expect(largestDifference(found, expected) <= argument.tolerance)
    }

    @Test func tellsFormatsByContent() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/photo.jpg"
            for name in ["colour.bmp", "lossless.webp", "grey.tiff", "two-bits.png"] {
                try Data(contentsOf: URL(filePath: form(name))).write(to: URL(filePath: path))
                #expect(try RGBImage(contentsOf: path) == RGBImage(contentsOf: form(name)))
            }
        }
    }

    @Test(arguments: (1...8).map { "turned\($0).jpg" } + ["turned.png", "turned.webp"])
    func turnsPicturesWhereAsked(name: String) throws {
        let fixture = try Fixture("media_formats")
        let stored = try RGBImage(contentsOf: form(name))
        #expect(largestDifference(stored, image(fixture["picture/\(name)"])) <= 1)
        let shown = try RGBImage(contentsOf: form(name), orientation: .shown)
        #expect(largestDifference(shown, image(fixture["shown/\(name)"])) <= 1)
        let tensor = try imageBindImage(
            form(name), ImageTransformConfig(size: 8), orientation: .shown)
        #expect(
            tensor.isClose(
                to: imageBindImage(shown, ImageTransformConfig(size: 8)), absolute: 0))
        let parity = try imageBindImage(form(name), ImageTransformConfig(size: 8))
        #expect(
            parity.isClose(
                to: imageBindImage(stored, ImageTransformConfig(size: 8)), absolute: 0))
    }

    @Test func takesBrokenEXIFForNone() throws {
        let whole = try Data(contentsOf: URL(filePath: form("turned6.jpg")))
        let exif = try #require(whole.range(of: Data("Exif".utf8)))
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.jpg"
            // An offset beyond the block, no entries, no byte order, orientation 9.
            for (place, bytes) in [
                (10, [0xFF, 0xFF, 0xFF, 0x7F]), (14, [0, 0]), (6, [0x41, 0x41]),
                (24, [0, 9, 0, 9]),
            ] as [(Int, [UInt8])] {
                var broken = whole
                let start = exif.lowerBound + place
                broken.replaceSubrange(start..<(start + bytes.count), with: bytes)
                try broken.write(to: URL(filePath: path))
                let shown = try RGBImage(contentsOf: path, orientation: .shown)
                #expect(try shown == RGBImage(contentsOf: path))
            }
        }
    }
}
