import Foundation
import MediaIO
import TensorCore
import TestSupport
import Testing

/// A file made by `Tests/Fixtures/media.py`.
func sample(_ name: String) -> String { Fixture.path("media/\(name)") }

/// A stored picture.
func image(_ tensor: Tensor) -> RGBImage {
    RGBImage(
        width: tensor.shape[1], height: tensor.shape[0],
        pixels: tensor.integers().map { UInt8(clamping: $0) })
}

/// What `body` throws, as the media error it must be.
func mediaError<Result>(_ body: () throws -> Result) -> MediaError? {
    #expect(throws: MediaError.self) { try body() }
}

@Suite struct ImageReadingTests {
    @Test(arguments: [
        "rgb.png", "palette.png", "grey.png", "bits.png", "alpha.png", "transparent.png",
    ])
    func readsPNGsAsPillowDoes(name: String) throws {
        let expected = image(try Fixture("media")["decoded/\(name)"])
        #expect(try RGBImage(contentsOf: sample(name)) == expected)
    }

    @Test(arguments: [
        "baseline.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg", "rotated.jpg",
    ])
    func readsJPEGsAsPillowDoes(name: String) throws {
        let expected = image(try Fixture("media")["decoded/\(name)"])
        let found = try RGBImage(contentsOf: sample(name))
        #expect(found.width == expected.width && found.height == expected.height)
        let differences = zip(found.pixels, expected.pixels).map { abs(Int($0) - Int($1)) }
        #expect((differences.max() ?? 255) <= 2)
    }

    @Test func refusesTextUnderAnotherName() {
        let file = sample("text.jpg")
        let error = mediaError { try RGBImage(contentsOf: file) }
        #expect(
            error
                == .notMedia(file: file, found: "text", expected: "a picture such as JPEG or PNG"))
        #expect(
            error?.description
                == "\(file): holds text, expected a picture such as JPEG or PNG. "
                + "Does the name promise another format?")
    }

    /// A sender of empty files must not be able to fill the memory. (Foundation keeps 4 KB of each.)
    @Test func emptyFilesTakeNoMemory() async {
        await #expect(processExitsWith: .success) {
            try withTemporaryFolder { folder in
                let file = "\(folder)/empty.png"
                try Data().write(to: URL(filePath: file))
                func refuse(times: Int) {
                    for _ in 0..<times { _ = try? RGBImage(contentsOf: file) }
                }
                refuse(times: 100)
                let before = Machine.peakMemoryBytes
                refuse(times: 10_000)
                let grown = Machine.peakMemoryBytes - before
                precondition(grown < 30_000_000, "\(grown) bytes more")
            }
        }
    }

    @Test func refusesPicturesThatEndTooEarly() {
        for name in ["truncated.jpg", "truncated.png"] {
            let error = mediaError { try RGBImage(contentsOf: sample(name)) }
            guard case .truncated(let file, _) = error else {
                Issue.record("\(name): \(String(describing: error))")
                continue
            }
            #expect(file == sample(name))
        }
    }

    @Test func refusesEveryCutOfAPictureAndNeverTraps() throws {
        for name in ["baseline.jpg", "progressive.jpg", "rgb.png", "palette.png"] {
            let whole = try Data(contentsOf: URL(filePath: sample(name)))
            try withTemporaryFolder { folder in
                for count in stride(from: 0, to: whole.count - 12, by: 37) {
                    let path = "\(folder)/cut"
                    try whole.prefix(count).write(to: URL(filePath: path))
                    _ = mediaError { try RGBImage(contentsOf: path) }
                }
            }
        }
    }

    @Test func survivesDamagedPictures() throws {
        for name in ["baseline.jpg", "progressive.jpg", "cmyk.jpg", "palette.png"] {
            let whole = try Data(contentsOf: URL(filePath: sample(name)))
            try withTemporaryFolder { folder in
                let path = "\(folder)/damaged"
                let noise = recipeNumbers(name, 400)
                for round in 0..<100 {
                    var damaged = whole
                    for part in 0..<4 {
                        let place = Int((noise[round * 4 + part] + 0.5) * Double(whole.count - 1))
                        damaged[place] ^= UInt8(1 << (round % 8))
                    }
                    try damaged.write(to: URL(filePath: path))
                    do {
                        _ = try RGBImage(contentsOf: path, limits: MediaLimits(pixels: 100_000))
                    } catch {
                        #expect(error is MediaError)
                    }
                }
            }
        }
    }

    @Test func namesFormatsThatItDoesNotRead() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/x.png"
            try Data("\0\0\0\u{1C}ftypavif....".utf8).write(to: URL(filePath: path))
            #expect(
                mediaError { try RGBImage(contentsOf: path) }
                    == .unsupported(
                        file: path, what: "an AVIF picture", mend: "Convert it to PNG or JPEG."))
            #expect(
                mediaError { try RGBImage(contentsOf: path) }?.description
                    == "\(path): an AVIF picture is not supported. Convert it to PNG or JPEG.")
        }
    }

    @Test func refusesWhatIsNoFile() throws {
        #expect(
            mediaError { try RGBImage(contentsOf: "nowhere/none.png") }
                == .missing(file: "nowhere/none.png"))
        try withTemporaryFolder { folder in
            #expect(
                mediaError { try RGBImage(contentsOf: folder) }
                    == .unreadable(file: folder, reason: "it is a folder"))
        }
        #expect(
            mediaError { try RGBImage(contentsOf: "/dev/zero") }
                == .unreadable(file: "/dev/zero", reason: "it is no ordinary file"))
    }

    @Test func holdsTheHeaderAgainstTheLimits() {
        for name in ["rgb.png", "baseline.jpg"] {
            let file = sample(name)
            #expect(
                mediaError { try RGBImage(contentsOf: file, limits: MediaLimits(pixels: 1000)) }
                    == .tooLarge(file: file, what: "pixels", found: 1040, limit: 1000))
        }
        let file = sample("text.jpg")
        #expect(
            mediaError { try RGBImage(contentsOf: file, limits: MediaLimits(fileBytes: 5)) }
                == .tooLarge(file: file, what: "bytes", found: 20, limit: 5))
    }
}
