import Foundation
import MediaIO
import TensorCore
import TestSupport
import Testing

@Suite struct ClipFormatTests {
    private static let names = [
        "b-frames.mp4", "open-groups.mp4", "variable.mp4", "vp9.webm", "hevc.mp4", "transport.ts",
    ]

    @Test(arguments: names) func countsAndDecodesAsDecord(name: String) throws {
        let fixture = try Fixture("media_formats")
        let video = try VideoFile(contentsOf: form(name))
        #expect(video.frameCount == fixture["decord/\(name)"].integers()[0])
        #expect(abs(Float(video.framesPerSecond) - fixture["rate/\(name)"].floats()[0]) < 1e-4)
        let expected = fixture["frames/\(name)"]
        // Decord repeats frames of the transport stream that it takes for corrupt.
        guard name != "transport.ts" else { return }
        let step = max(video.frameCount / 3, 1)
        let frames = try video.frames()
        for index in 0..<expected.shape[0] {
            let other = image(expected[index])
            let differences = zip(frames[index * step].pixels, other.pixels).map {
                abs(Int($0) - Int($1))
            }
            let mean = Double(differences.reduce(0, +)) / Double(differences.count)
            #expect(mean < 3, "frame \(index * step)")
        }
    }

    /// One frame at a time, from the key frame before it, against all from the start.
    @Test(arguments: names + ["edited.mp4", "turned90.mp4"])
    func findsEveryFrameByItself(name: String) throws {
        let video = try VideoFile(contentsOf: form(name))
        #expect(video.frameCount == (try Fixture("media_formats"))["count/\(name)"].integers()[0])
        let all = try video.frames()
        #expect(Set(all.map(\.pixels)).count == all.count)
        for index in all.indices.reversed() {
            #expect(try video.frames([index]) == [all[index]])
        }
        let few = [all.count - 1, 0, all.count / 2]
        #expect(try video.frames(few) == few.map { all[$0] })
    }

    @Test func readsAGIFAsAClip() throws {
        let video = try VideoFile(contentsOf: form("animated.gif"))
        // GIF counts in hundredths of a second.
        #expect(video.frameCount == 3 && abs(video.framesPerSecond - 100.0 / 12) < 1e-9)
        #expect(try video.frames([0])[0] == RGBImage(contentsOf: form("animated.gif")))
        #expect(try VideoFile(contentsOf: form("clip.gif")).frameCount == 24)
    }

    @Test(arguments: ["turned90.mp4", "turned180.mp4", "turned270.mp4"])
    func turnsClipsWhereAsked(name: String) throws {
        let upright = try VideoFile(contentsOf: form("b-frames.mp4")).frames([3])
        let video = try VideoFile(contentsOf: form(name))
        #expect(try video.frames([3]) == upright)
        let shown = try video.frames([3], orientation: .shown)[0]
        let expected = image(try Fixture("media_formats")["shown/\(name)"])
        #expect(shown.width == expected.width && shown.height == expected.height)
        let total = zip(shown.pixels, expected.pixels).reduce(0) {
            $0 + abs(Int($1.0) - Int($1.1))
        }
        #expect(Double(total) / Double(shown.pixels.count) < 4)
        let config = VideoTransformConfig(size: 8)
        let view = try imageBindVideo(form(name), config, orientation: .shown)
        #expect(!view.isClose(to: try imageBindVideo(form(name), config), absolute: 1e-2))
    }

    @Test func hearsTheSoundOfAClip() throws {
        #expect(try imageBindAudio(form("sound-and-picture.mp4")).shape == [3, 1, 128, 204])
        #expect(
            mediaError { try imageBindAudio(form("b-frames.mp4")) }
                == .noAudio(file: form("b-frames.mp4")))
    }
}
