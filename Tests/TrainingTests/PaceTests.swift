import Testing
import Training

@Suite struct PaceTests {
    @Test func countsAllThatPassesBetweenTheEndsOfSteps() {
        var pace = Pace(window: 3)
        let start = ContinuousClock.now
        pace.begin(at: start)
        pace.end(samples: 2, tokens: 20, at: start + .seconds(4))
        #expect(pace.lastSeconds == 4 && pace.samplesPerSecond == 0.5 && pace.tokensPerSecond == 5)
        // Half a second's step after a long wait.
        pace.end(samples: 2, tokens: 20, at: start + .seconds(10))
        #expect(pace.lastSeconds == 6 && pace.secondsPerStep == 5 && pace.tokensPerSecond == 4)
        for second in [12, 14] { pace.end(samples: 2, tokens: 0, at: start + .seconds(second)) }
        // The first is forgotten.
        #expect(pace.secondsPerStep == 10.0 / 3 && pace.samplesPerSecond == 0.6)
        #expect(pace.tokensPerSecond == 2)
    }
}
