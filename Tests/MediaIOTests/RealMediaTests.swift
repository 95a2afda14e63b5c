import Foundation
import MediaIO
import TensorCore
import TestSupport
import Testing

private let realMedia = ProcessInfo.processInfo.environment["SOUTHGPT_REAL_MEDIA"]

/// The files whose results are stored under a kind.
private func names(_ kind: String) -> [String] {
    guard realMedia != nil, let fixture = try? Fixture("real_media") else { return [] }
    return fixture.checkpoint.tensors.map(\.name).filter { $0.hasPrefix("\(kind)/") }
        .map { String($0.dropFirst(kind.count + 1)) }.sorted()
}

/// ImageBind's own transforms over photographs, sounds and clips that come with packages.
/// `Tests/Fixtures/real_media.py` gathers them in a folder, which `SOUTHGPT_REAL_MEDIA` names;
/// otherwise these tests are skipped.
@Suite(.enabled(if: realMedia != nil, "SOUTHGPT_REAL_MEDIA names no folder"))
struct RealMediaTests {
    private func path(_ name: String) -> String { "\(realMedia ?? "")/\(name)" }

    @Test(arguments: names("image")) func cutsPhotographsAsPillow(name: String) throws {
        let fixture = try Fixture("real_media")
        let cut = try RGBImage(contentsOf: path(name)).resizedAndCut(224)
        let expected = image(fixture["image/\(name)"])
        var found: [UInt8] = []
        for y in stride(from: 0, to: 224, by: 9) {
            for x in stride(from: 0, to: 224, by: 9) {
                found += cut.pixels[((y * 224 + x) * 3)..<((y * 224 + x) * 3 + 3)]
            }
        }
        #expect(found == expected.pixels)
        let sum = cut.pixels.reduce(0) { $0 + Int($1) }
        #expect(sum == fixture["sum/\(name)"].integers()[0])
    }

    @Test(arguments: names("sound")) func hearsSoundsAsTheOriginal(name: String) throws {
        let fixture = try Fixture("real_media")
        let heard = try Waveform(contentsOf: path(name)).resampled(to: 16_000).channels[0]
        let waves = fixture["wave/\(name)"].floats()
        let samples = stride(from: 0, to: heard.count, by: 501).map { heard[$0] }
        #expect(samples.count == waves.count)
        // Decoders of lossy sound differ in their last bits.
        let isLossy = !name.hasSuffix("wav")
        #expect(zip(samples, waves).allSatisfy { abs($0 - $1) <= (isLossy ? 1e-3 : 2e-6) })
        // Every eighth bin of every twelfth frame.
        let expected = fixture["sound/\(name)"].floats()
        let values = try imageBindAudio(path(name)).floats()
        var worst: Float = 0
        for clip in 0..<3 {
            for (row, bin) in stride(from: 0, to: 128, by: 8).enumerated() {
                for (column, frame) in stride(from: 0, to: 204, by: 12).enumerated() {
                    let found = values[(clip * 128 + bin) * 204 + frame] * 9.138 - 4.268
                    let other = expected[(clip * 16 + row) * 17 + column] * 9.138 - 4.268
                    // Almost silent bins hang on the last bits.
                    let scale: Float = other > -8 ? 1 : 10
                    worst = max(worst, abs(found - other) / scale)
                }
            }
        }
        #expect(worst <= (isLossy ? 1e-2 : 3e-4))
    }

    @Test(arguments: names("clip")) func seesClipsAsTheOriginal(name: String) throws {
        let fixture = try Fixture("real_media")
        let expected = fixture["clip/\(name)"].floats()
        let values = try imageBindVideo(path(name)).floats()
        var found: [Float] = []
        for plane in 0..<(15 * 3 * 2) {
            for y in stride(from: 0, to: 224, by: 32) {
                for x in stride(from: 0, to: 224, by: 32) {
                    found.append(values[(plane * 224 + y) * 224 + x])
                }
            }
        }
        #expect(found.count == expected.count)
        // Frames are equal; conversions to RGB may differ by a byte or two, 0.015 each here.
        let differences = zip(found, expected).map { abs($0 - $1) }
        #expect(differences.reduce(0, +) / Float(differences.count) < 0.03)
        #expect((differences.max() ?? 1) < 0.2)
    }
}
