import Foundation
import MediaIO
import TestSupport
import Testing

private let fuzzSeconds =
    Double(ProcessInfo.processInfo.environment["SOUTHGPT_FUZZ_SECONDS"] ?? "0") ?? 0
private let fuzzFolder =
    ProcessInfo.processInfo.environment["SOUTHGPT_FUZZ_FOLDER"]
    ?? FileManager.default.temporaryDirectory.path

/// Random damage for as long as `SOUTHGPT_FUZZ_SECONDS` says, each target so long; otherwise not
/// run. What is being read lies in `SOUTHGPT_FUZZ_FOLDER` (the folder for temporary files) under the
/// target's name, so a crash or a hang leaves its cause there.
@Suite(.serialized, .enabled(if: fuzzSeconds > 0, "SOUTHGPT_FUZZ_SECONDS is not set"))
struct MediaFuzzTests {
    private static let limits = MediaLimits(
        pixels: 200_000, seconds: 60, samples: 2_000_000, frames: 2_000)

    @Test func findsNothingInEXIF() throws {
        let names = (1...8).map { "turned\($0).jpg" } + ["turned.png", "turned.webp", "grey.tiff"]
        // In memory, and with the header alone: millions of cases.
        try fuzz("exif", names.map { form($0) }, headOnly: true) { bytes, _ in
            let orientation = bytes.withUnsafeBytes { EXIF.orientation(ofPicture: $0) }
            #expect((1...8).contains(orientation))
        }
    }

    @Test func findsNothingInPictures() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: form(""))
        let pictures = names.filter {
            [".jpg", ".png", ".webp", ".gif", ".bmp", ".tiff"].contains(where: $0.hasSuffix)
        }
        try fuzz("picture", pictures.sorted().map { form($0) }) { _, path in
            _ = try RGBImage(
                contentsOf: path, orientation: .shown, limits: MediaFuzzTests.limits)
        }
    }

    @Test func findsNothingInSounds() throws {
        let names = [
            "u8.wav", "s24.wav", "f32.wav", "extensible.wav", "alaw.wav", "s24.flac", "vorbis.ogg",
            "opus.ogg", "layer3.mp3", "aac.m4a", "opus.webm", "s16.aiff",
        ]
        try fuzz("sound", names.map { form($0) }) { _, path in
            _ = try imageBindAudio(path, limits: MediaFuzzTests.limits)
        }
    }

    @Test func findsNothingInClips() throws {
        let names = [
            "b-frames.mp4", "open-groups.mp4", "edited.mp4", "variable.mp4", "vp9.webm",
            "hevc.mp4", "transport.ts", "clip.gif", "turned90.mp4",
        ]
        let config = VideoTransformConfig(size: 8)
        try fuzz("clip", names.map { form($0) }) { _, path in
            _ = try imageBindVideo(
                path, config, orientation: .shown, limits: MediaFuzzTests.limits)
        }
    }

    private func fuzz(
        _ target: String, _ seeds: [String], headOnly: Bool = false,
        _ read: ([UInt8], String) throws -> Void
    ) throws {
        let corpus = try seeds.map { [UInt8](try Data(contentsOf: URL(filePath: $0))) }
        let path = "\(fuzzFolder)/southgpt-fuzz-\(target)"
        var random = SystemRandomNumberGenerator()
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: .seconds(fuzzSeconds))
        var (cases, slowest) = (0, Duration.zero)
        while clock.now < end {
            var bytes = corpus.randomElement(using: &random) ?? []
            if headOnly { bytes = Array(bytes.prefix(300)) }
            mutate(&bytes, &random)
            if !headOnly { try Data(bytes).write(to: URL(filePath: path)) }
            let time = try clock.measure {
                do {
                    try read(bytes, path)
                } catch let error as MediaError {
                    #expect(!error.description.contains("\n"))
                }
            }
            if time > slowest, !headOnly {
                slowest = time
                try Data(bytes).write(to: URL(filePath: path + "-slowest"))
            }
            cases += 1
        }
        print("\(target): \(cases) cases, the slowest took \(slowest)")
        #expect(slowest < .seconds(10))
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout SystemRandomNumberGenerator) {
        for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
            // Headers come first: half of the damage goes there.
            let reach = Bool.random(using: &random) ? min(bytes.count, 64) : bytes.count
            let place = Int.random(in: 0..<reach, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
            case 2: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 3: bytes.removeSubrange(place...)
            case 4:
                let end = min(place + Int.random(in: 1...16, using: &random), bytes.count)
                bytes.removeSubrange(place..<end)
            default:
                let end = min(place + Int.random(in: 1...16, using: &random), bytes.count)
                bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
            }
        }
    }
}
