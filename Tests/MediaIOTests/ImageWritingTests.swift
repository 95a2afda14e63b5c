import Foundation
import MediaIO
import TensorCore
import TestSupport
import Testing

@Suite struct ImageWritingTests {
    @Test func roundsHalvesToEvenAndClamps() {
        let values: [Float] = [0.5 / 255, 1.5 / 255, 2.5 / 255, -1, 2, .nan]
        #expect(values.prefix(3).map { $0 * 255 } == [0.5, 1.5, 2.5])
        let image = RGBImage(Tensor(values + values + values, [3, 2, 3]))
        let bytes: [UInt8] = [0, 2, 2, 0, 255, 0]
        let expected = bytes.flatMap { [UInt8](repeating: $0, count: 3) }
        #expect(image.pixels == expected)
    }

    @Test func readsBackItsOwnPNG() throws {
        let values = recipeInput("png", [3, 13, 7], scale: 1) + 0.5
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.png"
            try writePNG(values, to: path)
            #expect(try RGBImage(contentsOf: path) == RGBImage(values))
            let bytes = try Data(contentsOf: URL(filePath: path))
            try writePNG(values, to: path)
            #expect(try Data(contentsOf: URL(filePath: path)) == bytes)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.png"])
        }
    }

    @Test func readsBackItsOwnJPEG() throws {
        let ramp = (0..<(24 * 32)).map { Float($0 % 32) / 31 }
        let tensor = Tensor(ramp + ramp + ramp, [3, 24, 32])
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.jpg"
            try writeJPEG(tensor, to: path)
            let found = try RGBImage(contentsOf: path)
            let differences = zip(found.pixels, RGBImage(tensor).pixels).map {
                abs(Int($0) - Int($1))
            }
            #expect((differences.max() ?? 255) <= 6)
        }
    }

    @Test func leavesNothingWhereItCannotWrite() throws {
        let picture = Tensor.zeros([3, 2, 2])
        let frames = Tensor.zeros([2, 3, 16, 16])
        try withTemporaryFolder { folder in
            // A file in place of the folder stops root as well.
            let blocked = "\(folder)/file"
            try Data().write(to: URL(filePath: blocked))
            for path in ["\(blocked)/a.png", "\(folder)/none/a.png"] {
                let writes: [() throws -> Void] = [
                    { try writePNG(picture, to: path) }, { try writeJPEG(picture, to: path) },
                    { try writeWAV(Tensor.zeros([8]), to: path) },
                    { try writeMP4(frames, to: path) },
                ]
                for write in writes {
                    guard case .unwritable(let file, _) = mediaError(write) else {
                        Issue.record("no unwritable error")
                        continue
                    }
                    #expect(file == path)
                }
            }
            // A folder in place of the file: the new one cannot take its name.
            let taken = "\(folder)/taken.png"
            try FileManager.default.createDirectory(
                atPath: taken, withIntermediateDirectories: false)
            _ = mediaError { try writePNG(picture, to: taken) }
            _ = mediaError { try writeMP4(frames, to: taken) }
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
                    == ["file", "taken.png"])
        }
    }
}
