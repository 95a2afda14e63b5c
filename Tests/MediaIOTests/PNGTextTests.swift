import Foundation
import MediaIO
import TensorCore
import TestSupport
import Testing

@Suite struct PNGTextTests {
    private let picture = RGBImage(recipeInput("picture", [3, 5, 7], scale: 1) + 0.5)

    @Test func textsComeBackBesideThePixels() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.png"
            let texts = [("parameters", "Äpfel, 3 steps"), ("southgpt", "{\"seed\": 7}")]
            try picture.writePNG(to: path, texts: texts)
            #expect(try RGBImage(contentsOf: path) == picture)
            #expect(
                try PNGText.read(path)
                    == ["parameters": "Äpfel, 3 steps", "southgpt": "{\"seed\": 7}"])
            try picture.writePNG(to: path)
            #expect(try PNGText.read(path).isEmpty)
        }
    }

    @Test func damagedFilesAreRefused() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.png"
            let whole = PNGText.adding([("parameters", "seed 7")], to: try picture.png())
            func refusal(_ bytes: [UInt8]) throws -> String {
                try Data(bytes).write(to: URL(filePath: path))
                let error = #expect(throws: MediaError.self) { try PNGText.read(path) }
                return "\(try #require(error))"
            }
            var other = whole
            other[55] ^= 1
            #expect(
                try refusal(other)
                    == "\(path): is damaged: a text has another checksum. Try another copy of the "
                    + "file.")
            #expect(
                try refusal(Array(whole.prefix(60)))
                    == "\(path): ends too early: a chunk has no end. Was the download or copy "
                    + "complete?")
            #expect(
                try refusal(Array("GIF89a".utf8))
                    == "\(path): holds a GIF picture, expected a PNG picture. Does the name promise "
                    + "another format?")
            // Wherever a file is cut, reading ends.
            for end in 8..<whole.count {
                try Data(whole.prefix(end)).write(to: URL(filePath: path))
                _ = try? PNGText.read(path)
            }
        }
    }
}
