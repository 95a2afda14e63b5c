import Testing
import TensorCore
import Training

@Suite struct TrainingMomentTests {
    @Test func aSampleDrawsByItsPlaceInTheStepHoweverItIsSplit() {
        let whole = TrainingMoment(seed: 7, step: 3)
        let noise = whole.normal(for: "noise", [5, 2, 3])
        let draws = whole.uniform(for: "views", samples: 5)
        for start in [1, 4] {
            let part = TrainingMoment(seed: 7, step: 3, firstSample: start)
            let count = 5 - start
            #expect(
                part.normal(for: "noise", [count, 2, 3]).floats()
                    == noise.sliced(0, start..<5).floats())
            #expect(part.uniform(for: "views", samples: count) == Array(draws[start...]))
        }
        #expect(Set(noise.floats()).count == 30 && Set(draws).count == 5)
        #expect(TrainingMoment(seed: 7, step: 4).uniform(for: "views", samples: 5) != draws)
        #expect(whole.uniform(for: "captions", samples: 5) != draws)
    }
}
