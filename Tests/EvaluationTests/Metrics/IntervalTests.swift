import Evaluation
import Testing

@Suite struct IntervalTests {
    @Test func wilsonIsThatOfScipy() throws {
        for share in try EvaluationFixture.load().wilson {
            let found = Interval.wilson(share.right, of: share.count)
            #expect(abs(found.low - share.interval[0]) < 1e-9, "\(share)")
            #expect(abs(found.high - share.interval[1]) < 1e-9, "\(share)")
        }
        #expect(Interval.wilson(0, of: 0) == Interval(0, 1))
    }

    @Test func theBootstrapOfAMeanIsAsWideAsTheNormalOne() {
        // A hundred zeros and a hundred ones: a deviation of 0.5 over √200 either way.
        let values = (0..<200).map { Double($0 % 2) }
        let found = Interval.mean(of: values)
        let half = 1.96 * 0.5 / 200.0.squareRoot()
        #expect(abs(found.low - (0.5 - half)) < 0.012)
        #expect(abs(found.high - (0.5 + half)) < 0.012)
        #expect(found == Interval.mean(of: values), "a seed gives one interval")
    }

    @Test func theBootstrapKnowsItemsThatAreAllAlike() {
        #expect(Interval.mean(of: [3, 3, 3]) == Interval(3, 3))
    }
}
