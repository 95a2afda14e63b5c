import Foundation
import MediaIO
import TensorCore
import TestSupport
import Testing

@Suite struct VideoTests {
    @Test(arguments: ["clip.mov", "clip.avi", "clip.webm"])
    func countsAndDecodesFrames(name: String) throws {
        let fixture = try Fixture("media")
        let video = try VideoFile(contentsOf: sample(name))
        #expect(video.frameCount == fixture["count/\(name)"].integers()[0])
        #expect(video.framesPerSecond == 8)
        #expect(video.width == 32 && video.height == 24)
        let indices = [0, 5, video.frameCount - 1]
        let frames = try video.frames(indices)
        let expected = fixture["frames/\(name)"]
        for index in 0..<3 {
            // The command line interpolates chroma more smoothly than readers of clips do.
            let differences = zip(frames[index].pixels, image(expected[index]).pixels).map {
                abs(Int($0) - Int($1))
            }
            let mean = Double(differences.reduce(0, +)) / Double(differences.count)
            #expect(mean < 3)
        }
        // In any order, repeated.
        #expect(try video.frames([5, 0, 5]) == [frames[1], frames[0], frames[1]])
    }

    @Test func writesWhatItReadsBack() throws {
        // Sides of odd length, a picture that moves.
        let (count, height, width) = (10, 33, 47)
        var values: [Float] = []
        for frame in 0..<count {
            for channel in 0..<3 {
                for y in 0..<height {
                    for x in 0..<width {
                        let phase = Float(x + 2 * frame) / 20 + Float(y * channel) / 30
                        values.append(0.5 + 0.3 * sin(phase))
                    }
                }
            }
        }
        let frames = Tensor(values, [count, 3, height, width])
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.mp4"
            try writeMP4(frames, to: path)
            let video = try VideoFile(contentsOf: path)
            #expect(video.frameCount == 10)
            #expect(video.framesPerSecond == 8)
            #expect(video.width == 48 && video.height == 34)
            let found = try video.frames()
            #expect(found.count == 10)
            var worst = 0.0
            for frame in 0..<count {
                var total = 0.0
                for y in 0..<height {
                    for x in 0..<width {
                        for channel in 0..<3 {
                            let byte = found[frame].pixels[(y * 48 + x) * 3 + channel]
                            let value =
                                values[((frame * 3 + channel) * height + y) * width + x] * 255
                            total += Double(abs(Float(byte) - value))
                        }
                    }
                }
                worst = max(worst, total / Double(height * width * 3))
            }
            #expect(worst < 6)
            // The same frames give the same bytes, and the index comes first.
            let bytes = try Data(contentsOf: URL(filePath: path))
            try writeMP4(frames, to: path)
            #expect(try Data(contentsOf: URL(filePath: path)) == bytes)
            let text = String(decoding: bytes, as: Unicode.ASCII.self)
            let (index, data) = (text.range(of: "moov"), text.range(of: "mdat"))
            #expect((index?.lowerBound ?? text.endIndex) < (data?.lowerBound ?? text.startIndex))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.mp4"])
        }
    }

    @Test(arguments: [(16_000, 1), (22_050, 2), (5_000, 1)])
    func writesSoundBesideTheFrames(rate: Int, channels: Int) throws {
        let frames = Tensor.full([9, 3, 16, 16], 0.5)
        let tone = (0..<rate).map { 0.5 * sin(2 * Float.pi * 440 * Float($0) / Float(rate)) }
        let sound = Waveform(
            sampleRate: rate, channels: [[Float]](repeating: tone, count: channels))
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.mp4"
            try writeMP4(frames, to: path, sound: sound)
            #expect(try VideoFile(contentsOf: path).frameCount == 9)
            let found = try Waveform(contentsOf: path)
            let expected = sound.resampled(to: found.sampleRate)
            #expect(found.sampleRate == (rate == 5_000 ? 44_100 : rate))
            #expect(found.channels.count == channels && found.count >= expected.count)
            // The codec is lossy; its first and last samples more than others.
            let middle = (expected.count / 4)..<(expected.count / 2)
            let error = middle.map { abs(found.channels[0][$0] - expected.channels[0][$0]) }
            #expect((error.max() ?? 1) < 0.1)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.mp4"])
        }
    }

    @Test func writesASingleTinyFrame() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.mp4"
            try writeMP4(Tensor.full([1, 3, 1, 1], 1), to: path, framesPerSecond: 25)
            let video = try VideoFile(contentsOf: path)
            #expect(video.frameCount == 1 && video.width == 2 && video.framesPerSecond == 25)
            let tensor = try imageBindVideo(path, VideoTransformConfig(size: 8))
            #expect(tensor.shape == [15, 3, 2, 8, 8])
        }
    }

    @Test(arguments: ["reduced", "enlarged"]) func scalesAsTorch(name: String) throws {
        let fixture = try Fixture("media")
        let expected = fixture["bilinear/\(name)/to"]
        let (height, width) = (expected.shape[1], expected.shape[2])
        let found = image(fixture["bilinear/\(name)/from"]).resizedBilinear(
            width: width, height: height, columns: 0..<width, rows: 0..<height)
        let error = relativeError(
            Tensor(found, expected.shape), expected, of: "Bilinear scaling, \(name)",
            original: fixture.source)
        #expect(error <= 1e-6)
    }

    @Test(arguments: ["wide", "tall"]) func matchesTheOriginal(name: String) throws {
        let fixture = try Fixture("media")
        let source = fixture["video/\(name)/from"]
        let found = imageBindVideo(
            frames: [image(source[0]), image(source[1])], VideoTransformConfig(clips: 1, size: 16))
        let error = relativeError(
            found, fixture["video/\(name)/to"], of: "ImageBind video transform, \(name)",
            original: fixture.source)
        #expect(error <= 1e-6)
    }

    @Test func looksAtFiveClipsInThreeCrops() throws {
        let file = sample("clip.mov")
        let config = VideoTransformConfig(size: 20)
        let found = try imageBindVideo(file, config)
        #expect(found.shape == [15, 3, 2, 20, 20])
        let kept = [0, 15, 2, 17, 4, 19, 5, 20, 7, 22]
        let frames = try VideoFile(contentsOf: file).frames(kept)
        #expect(found.isClose(to: imageBindVideo(frames: frames, config), absolute: 0))
    }

    @Test func putsTheMiddleCropHalfAPixelFurther() {
        let wide = threeCrops(width: 25, height: 20, size: 20)
        #expect(wide.map(\.x) == [0, 3, 5])
        #expect(wide.map(\.y) == [0, 0, 0])
        let tall = threeCrops(width: 20, height: 23, size: 20)
        #expect(tall.map(\.y) == [0, 2, 3])
        #expect(tall.map(\.x) == [0, 0, 0])
    }

    @Test func refusesAContainerWithoutPictures() {
        let file = sample("sound.mp4")
        let error = mediaError { try imageBindVideo(file) }
        #expect(error == .noVideo(file: file))
        #expect(
            error?.description
                == "\(file): has no video stream, expected one. Is it a sound file?")
    }

    @Test func refusesWhatIsNoVideo() throws {
        let text = sample("text.jpg")
        #expect(
            mediaError { try VideoFile(contentsOf: text) }
                == .notMedia(file: text, found: "text", expected: "a video"))
        #expect(
            mediaError { try VideoFile(contentsOf: "http://example.org/a.mp4") }
                == .missing(file: "http://example.org/a.mp4"))
        try withTemporaryFolder { folder in
            // A playlist names files that the caller did not.
            let list = "\(folder)/list.m3u8"
            let text = "#EXTM3U\n#EXTINF:3,\n\(sample("clip.mov"))\n#EXT-X-ENDLIST\n"
            try Data(text.utf8).write(to: URL(filePath: list))
            #expect(
                mediaError { try VideoFile(contentsOf: list) }
                    == .notMedia(file: list, found: "text", expected: "a video"))
            _ = mediaError { try VideoFile(contentsOf: folder) }
        }
    }

    @Test func survivesEveryCutOfAClip() throws {
        let whole = try Data(contentsOf: URL(filePath: sample("clip.mov")))
        try withTemporaryFolder { folder in
            let path = "\(folder)/cut.mov"
            for count in stride(from: 0, to: whole.count, by: 211) {
                try whole.prefix(count).write(to: URL(filePath: path))
                do {
                    _ = try imageBindVideo(path, VideoTransformConfig(size: 8))
                } catch {
                    #expect(error is MediaError)
                }
            }
        }
    }

    @Test func holdsTheHeaderAgainstTheLimits() {
        let file = sample("clip.mov")
        #expect(
            mediaError { try VideoFile(contentsOf: file, limits: MediaLimits(pixels: 700)) }
                == .tooLarge(file: file, what: "pixels", found: 768, limit: 700))
        #expect(
            mediaError { try VideoFile(contentsOf: file, limits: MediaLimits(frames: 23)) }
                == .tooLarge(file: file, what: "frames", found: 24, limit: 23))
        #expect(
            mediaError { try VideoFile(contentsOf: file, limits: MediaLimits(seconds: 2)) }
                == .tooLarge(file: file, what: "seconds", found: 3, limit: 2))
    }
}
