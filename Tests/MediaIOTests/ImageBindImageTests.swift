import Foundation
import MediaIO
import TensorCore
import TestSupport
import Testing

@Suite struct ImageBindImageTests {
    @Test(arguments: ["reduced", "enlarged", "mixed", "widthOnly", "heightOnly"])
    func resizesAsPillowBitForBit(name: String) throws {
        let fixture = try Fixture("media")
        let expected = image(fixture["bicubic/\(name)/to"])
        let source = image(fixture["bicubic/\(name)/from"])
        let whole = source.resizedBicubic(width: expected.width, height: expected.height)
        #expect(whole == expected)
        // A window is the same part of the whole.
        let (columns, rows) = (2..<(expected.width - 1), 3..<expected.height)
        let part = source.resizedBicubic(
            width: expected.width, height: expected.height, window: (columns, rows))
        let cut = rows.flatMap { row in
            expected.pixels[
                ((row * expected.width + columns.lowerBound) * 3)..<((row * expected.width
                    + columns.upperBound) * 3)]
        }
        #expect(part.pixels == cut)
    }

    @Test(arguments: ["wide", "tall", "small"])
    func matchesTheOriginal(name: String) throws {
        let fixture = try Fixture("media")
        let found = imageBindImage(
            image(fixture["image/\(name)/from"]), ImageTransformConfig(size: 28))
        let error = relativeError(
            found, fixture["image/\(name)/to"], of: "ImageBind image transform, \(name)",
            original: fixture.source)
        #expect(error <= 1e-6)
    }

    @Test func bringsAFileToThePublishedSize() throws {
        let tensor = try imageBindImage(sample("baseline.jpg"))
        #expect(tensor.shape == [3, 224, 224])
        #expect(tensor.floats().allSatisfy { abs($0) < 3 })
    }

    @Test func needsNoMoreThanTheCutOfALongPicture() {
        let line = RGBImage(
            width: 1, height: 60_000, pixels: [UInt8](repeating: 128, count: 180_000))
        let cut = line.resizedAndCut(224)
        #expect(cut.pixels == [UInt8](repeating: 128, count: 224 * 224 * 3))
    }

    /// Photographs that come with scikit-image and scikit-learn; sums and pixels as published.
    @Test(
        .enabled(if: TestData.has("images/chelsea.png")),
        arguments: [
            ("chelsea.png", 16_909_243, [121, 63, 49], [191, 149, 124]),
            ("china.jpg", 21_723_670, [185, 212, 242], [190, 200, 207]),
            ("flower.jpg", 10_773_464, [1, 52, 50], [204, 99, 55]),
        ])
    func cutsKnownPhotographs(_ golden: (String, Int, [Int], [Int])) throws {
        let cut = try RGBImage(contentsOf: TestData.path("images/\(golden.0)")).resizedAndCut(224)
        let tolerance = golden.0.hasSuffix("png") ? 0 : 2
        let sum = cut.pixels.reduce(0) { $0 + Int($1) }
        #expect(abs(sum - golden.1) <= tolerance * golden.1 / 2000)
        for (start, expected) in [(0, golden.2), ((112 * 224 + 112) * 3, golden.3)] {
            for channel in 0..<3 {
                #expect(abs(Int(cut.pixels[start + channel]) - expected[channel]) <= tolerance)
            }
        }
    }
}
