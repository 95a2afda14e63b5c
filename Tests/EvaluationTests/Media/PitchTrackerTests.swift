import Evaluation
import Foundation
import Testing

@Suite struct PitchTrackerTests {
    private let tracker = PitchTracker(sampleRate: 16_000)

    @Test(arguments: [82.4, 130.8, 440, 997, 1760])
    func findsTheFundamentalWithinCents(_ pitch: Double) {
        let found = tracker.pitches(of: testMelody([pitch], seconds: 0.3))
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
}
