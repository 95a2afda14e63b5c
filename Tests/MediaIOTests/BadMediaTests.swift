import Foundation
import MediaIO
import TensorCore
import TestSupport
import Testing

@Suite struct BadMediaTests {
    private func bigEndian(_ value: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }

    private func littleEndian(_ value: Int, _ count: Int = 4) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// The first bytes of pictures of 50 000 × 50 000 or the most that a format can say.
    private var huge: [(name: String, bytes: [UInt8], pixels: Int)] {
        let side = 50_000
        var png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]
        png += Array("IHDR".utf8) + bigEndian(side) + bigEndian(side) + [1, 0, 0, 0, 0]
        png += bigEndian(0x63D4_0067) + bigEndian(0) + Array("IDAT".utf8)
        let jpeg: [UInt8] =
            [0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0xC3, 0x50, 0xC3, 0x50, 1, 1, 0x11, 0]
            + [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0]
        let gif = Array("GIF89a".utf8) + [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0x3B]
        let canvas = littleEndian(16_383, 3)
        let webP =
            Array("RIFF".utf8) + littleEndian(22) + Array("WEBPVP8X".utf8) + littleEndian(10)
            + [0, 0, 0, 0] + canvas + canvas
        var bmp = Array("BM".utf8) + littleEndian(54) + littleEndian(0) + littleEndian(54)
        bmp += littleEndian(40) + littleEndian(side) + littleEndian(-side) + [1, 0, 24, 0]
        bmp += [UInt8](repeating: 0, count: 24)
        var tiff: [UInt8] = [0x49, 0x49, 42, 0] + littleEndian(8) + [2, 0]
        for tag in [256, 257] {
            tiff += littleEndian(tag, 2) + [4, 0] + littleEndian(1) + littleEndian(side)
        }
        tiff += littleEndian(0)
        return [
            ("png", png, side * side), ("jpg", jpeg, side * side), ("gif", gif, 65_535 * 65_535),
            ("webp", webP, 16_384 * 16_384), ("bmp", bmp, side * side), ("tiff", tiff, side * side),
        ]
    }

    @Test func refusesAbsurdDimensionsByTheHeader() throws {
        try withTemporaryFolder { folder in
            for (name, bytes, pixels) in huge {
                let path = "\(folder)/huge.\(name)"
                try Data(bytes).write(to: URL(filePath: path))
                let error = mediaError { try RGBImage(contentsOf: path) }
                #expect(
                    error?.description
                        == "\(path): has \(pixels) pixels, at most 100000000 are read. "
                        + "Make it smaller or raise the limit.")
            }
        }
    }

    @Test func refusesPicturesOfNoSize() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/none.gif"
            try Data(Array("GIF89a".utf8) + [0, 0, 4, 0, 0, 0, 0, 0x3B]).write(
                to: URL(filePath: path))
            #expect(
                mediaError { try RGBImage(contentsOf: path) }?.description
                    == "\(path): is damaged: a picture of 0 × 4. Try another copy of the file.")
        }
    }

    /// Each format cut short at many places, and with bits turned: an error or a picture, nothing
    /// else.
    @Test(arguments: [
        "lossless.webp", "lossy-alpha.webp", "animated.webp", "animated.gif", "colour.bmp",
        "palette.bmp", "colour.tiff", "deep-alpha.png", "cmyk-progressive.jpg", "turned6.jpg",
        "s24.wav", "s24.flac", "vorbis.ogg", "layer3.mp3", "aac.m4a", "b-frames.mp4", "vp9.webm",
        "clip.gif", "transport.ts", "edited.mp4",
    ])
    func survivesDamage(name: String) throws {
        let whole = try Data(contentsOf: URL(filePath: form(name)))
        let isSound = ["wav", "flac", "ogg", "mp3", "m4a"].contains(name.split(separator: ".")[1])
        let isClip = ["mp4", "webm", "ts"].contains(name.split(separator: ".")[1])
        let limits = MediaLimits(pixels: 100_000, samples: 1_000_000, frames: 1_000)
        try withTemporaryFolder { folder in
            let path = "\(folder)/damaged"
            func read(_ bytes: Data) throws {
                try bytes.write(to: URL(filePath: path))
                do {
                    if isSound {
                        _ = try imageBindAudio(path, limits: limits)
                    } else if isClip {
                        _ = try imageBindVideo(
                            path, VideoTransformConfig(size: 8), orientation: .shown,
                            limits: limits)
                    } else {
                        _ = try RGBImage(contentsOf: path, orientation: .shown, limits: limits)
                    }
                } catch let error as MediaError {
                    #expect(!error.description.contains("\n"))
                }
            }
            for part in 0..<8 { try read(whole.prefix(whole.count * part / 8)) }
            let noise = recipeNumbers(name, 48)
            for round in 0..<12 {
                var damaged = whole
                for part in 0..<4 {
                    // Headers come first: most of the damage goes there.
                    let reach = round.isMultiple(of: 2) ? min(whole.count, 200) : whole.count
                    let place = Int((noise[round * 4 + part] + 0.5) * Double(reach - 1))
                    damaged[place] ^= UInt8(1 << (round % 8))
                }
                try read(damaged)
            }
        }
    }

    /// Found by fuzzing.
    @Test func refusesAFirstPictureOutsideItsCanvas() throws {
        let bytes = try Data(contentsOf: URL(filePath: form("animated.webp")))
        let frame = try #require(bytes.range(of: Data("ANMF".utf8)))
        try withTemporaryFolder { folder in
            let path = "\(folder)/outside.webp"
            for place in [0, 3] {
                var moved = bytes
                moved[frame.upperBound + 4 + place] = 16
                try moved.write(to: URL(filePath: path))
                #expect(
                    mediaError { try RGBImage(contentsOf: path) }?.description
                        == "\(path): is damaged: its first picture does not lie within its canvas. "
                        + "Try another copy of the file.")
            }
        }
    }

    @Test func refusesCutPicturesThatFFmpegWouldShow() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/cut.webp"
            let whole = try Data(contentsOf: URL(filePath: form("lossy.webp")))
            try whole.prefix(whole.count / 2).write(to: URL(filePath: path))
            #expect(
                mediaError { try RGBImage(contentsOf: path) }?.description
                    == "\(path): ends too early: \(whole.count) bytes are promised, "
                    + "\(whole.count / 2) are there. Was the download or copy complete?")
        }
    }

    /// With the place of the empty block that ends the first picture of each.
    @Test(arguments: [("still.gif", 291), ("animated.gif", 299)])
    func refusesCutGIFs(_ name: String, _ end: Int) throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/cut.gif"
            let whole = try Data(contentsOf: URL(filePath: form(name)))
            for count in [14, 60, 112, 130, end - 100, end] {
                try whole.prefix(count).write(to: URL(filePath: path))
                #expect(
                    mediaError { try RGBImage(contentsOf: path) }?.description
                        == "\(path): ends too early: its first picture has no end. Was the download "
                        + "or copy complete?", "\(count) bytes")
            }
            try whole.prefix(end + 1).write(to: URL(filePath: path))
            #expect(try RGBImage(contentsOf: path) == RGBImage(contentsOf: form(name)))
        }
    }

    @Test func namesCutContainersAndHeadersAsDamaged() throws {
        try withTemporaryFolder { folder in
            func failure(_ name: String, _ count: Int, _ read: (String) throws -> Void) throws
                -> String?
            {
                let path = "\(folder)/\(name)"
                try Data(contentsOf: URL(filePath: form(name))).prefix(count)
                    .write(to: URL(filePath: path))
                return mediaError { try read(path) }?.description.replacing(folder, with: "F")
            }
            let clip = try failure("b-frames.mp4", 200) { _ = try VideoFile(contentsOf: $0) }
            #expect(
                clip
                    == "F/b-frames.mp4: is damaged: it begins as an MP4 or MOV clip, and its header "
                    + "cannot be read. Try another copy of the file.")
            let picture = try failure("colour.bmp", 20) { _ = try RGBImage(contentsOf: $0) }
            #expect(
                picture
                    == "F/colour.bmp: is damaged: its header cannot be read. Try another copy of the "
                    + "file.")
        }
    }

    /// Their filter banks would be infinite, and all that follows.
    @Test func refusesSoundsOfImpossibleLoudness() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/loud.wav"
            let samples = (0..<16_000).map { Float($0.isMultiple(of: 2) ? 1 : -1) }
            try writeWAV(Tensor(samples.map { $0 * 3e38 }, [16_000]), to: path)
            #expect(
                mediaError { try imageBindAudio(path) }?.description
                    == "\(path): is damaged: its samples reach 3e+38, where 1 is the loudest. Try "
                    + "another copy of the file.")
            try writeWAV(Tensor(samples.map { $0 * 2_147_483_648 }, [16_000]), to: path)
            #expect(try imageBindAudio(path).floats().allSatisfy(\.isFinite))
        }
    }

    @Test func refusesPipesFoldersAndDevices() throws {
        try withTemporaryFolder { folder in
            let pipe = "\(folder)/pipe.mp4"
            #expect(mkfifo(pipe, 0o600) == 0)
            for (path, reason) in [
                (pipe, "it is no ordinary file"), ("/dev/zero", "it is no ordinary file"),
                (folder, "it is a folder"),
            ] {
                let expected = MediaError.unreadable(file: path, reason: reason)
                #expect(mediaError { try RGBImage(contentsOf: path) } == expected)
                #expect(mediaError { try Waveform(contentsOf: path) } == expected)
                #expect(mediaError { try VideoFile(contentsOf: path) } == expected)
            }
            let link = "\(folder)/link.png"
            try FileManager.default.createSymbolicLink(
                atPath: link, withDestinationPath: form("two-bits.png"))
            #expect(try RGBImage(contentsOf: link) == RGBImage(contentsOf: form("two-bits.png")))
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/round.png", withDestinationPath: "\(folder)/round.png")
            guard
                case .unreadable = mediaError({ try RGBImage(contentsOf: "\(folder)/round.png") })
            else {
                Issue.record("a link to itself was read")
                return
            }
        }
    }

    @Test func namesEmptyFiles() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/empty"
            try Data().write(to: URL(filePath: path))
            #expect(
                mediaError { try RGBImage(contentsOf: path) }
                    == .notMedia(
                        file: path, found: "nothing", expected: "a picture such as JPEG or PNG"))
            #expect(
                mediaError { try Waveform(contentsOf: path) }
                    == .notMedia(file: path, found: "nothing", expected: "a sound"))
            #expect(
                mediaError { try VideoFile(contentsOf: path) }
                    == .notMedia(file: path, found: "nothing", expected: "a video"))
        }
    }
}
