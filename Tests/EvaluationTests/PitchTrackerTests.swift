import Evaluation
import Foundation
import MediaIO
import Testing

@Suite struct PitchTrackerTests {
    private let tracker = PitchTracker(sampleRate: 16_000)

    /// Notes of one length, with overtones that are louder than the first.
    private func melody(_ pitches: [Double], seconds: Double) -> [Float] {
        let count = Int(16_000 * seconds)
        var phase = 0.0
        return (0..<count).map { index in
            phase += 2 * .pi * pitches[index * pitches.count / count] / 16_000
            let tones = [0.3, 0.8, 0.5, 0.2].enumerated()
            return Float(
                tones.reduce(0) { $0 + 0.2 * $1.element * sin(Double($1.offset + 1) * phase) })
        }
    }

    @Test(arguments: [82.4, 130.8, 440, 997, 1760])
    func findsTheFundamentalWithinCents(_ pitch: Double) {
        let found = tracker.pitches(of: melody([pitch], seconds: 0.3))
        // Until a window and the longest period no longer fit.
        #expect(found.count == 25)
        for value in found {
            let cents = value.map { 1200 * log2($0 / pitch) } ?? .infinity
            // A parabola through three samples is coarser the fewer a period has.
            #expect(abs(cents) < max(2, pitch / 100), "\(value ?? 0) Hz for \(pitch)")
        }
    }

    @Test func silenceAndNoiseHaveNoPitch() {
        var state: UInt32 = 1
        let noise = (0..<8000).map { _ -> Float in
            state = state &* 1_664_525 &+ 1_013_904_223
            return Float(state >> 8) / Float(1 << 24) - 0.5
        }
        #expect(tracker.pitches(of: noise).allSatisfy { $0 == nil })
        #expect(tracker.pitches(of: [Float](repeating: 0, count: 8000)).allSatisfy { $0 == nil })
        #expect(tracker.pitches(of: [0, 1, 0]).isEmpty)
    }

    @Test(arguments: MelodyContour.allCases, [4, 8])
    func namesTheContourOfAMelody(_ contour: MelodyContour, _ notes: Int) {
        let scale = [0, 2, 4, 5, 7, 9, 11, 12]
        let pitches = (0..<notes).map { index -> Double in
            let height = contour.height(at: Double(index) / Double(notes - 1))
            return 220 * exp2(Double(scale[Int((7 * height).rounded())]) / 12)
        }
        #expect(MelodyContour(of: melody(pitches, seconds: 2), by: tracker) == contour)
    }

    @Test func aSoundWithoutPitchHasNoContour() {
        #expect(MelodyContour(of: [Float](repeating: 0, count: 32_000), by: tracker) == nil)
    }

    /// A folder that Scripts/melodymini/make-data has filled.
    private static let data = ProcessInfo.processInfo.environment["SOUTHGPT_MELODY_DATA"]

    private struct Sound: Decodable {
        let audio_name, instrument, contour: String
    }

    @Test(.enabled(if: data != nil, "SOUTHGPT_MELODY_DATA names MelodyMini's data"))
    func namesTheContoursOfRealInstruments() throws {
        let folder = try #require(PitchTrackerTests.data)
        let sounds = try JSONDecoder().decode(
            [Sound].self, from: Data(contentsOf: URL(filePath: "\(folder)/test/audio.json")))
        var right: [String: (Int, Int)] = [:]
        for sound in sounds {
            let samples = try Waveform(contentsOf: "\(folder)/\(sound.audio_name)").channels[0]
            let found = MelodyContour(of: samples, by: tracker)
            let (hits, all) = right[sound.instrument] ?? (0, 0)
            right[sound.instrument] = (hits + (found?.rawValue == sound.contour ? 1 : 0), all + 1)
        }
        print(right.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.0)/\($0.value.1)" })
        // Bells and drums have no fundamental that their listeners agree on; voices enter late.
        let pitched = right.filter { !["bells", "drum", "voice"].contains($0.key) }
        let (hits, all) = pitched.values.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
        #expect(Double(hits) >= 0.97 * Double(all), "\(right)")
    }
}
