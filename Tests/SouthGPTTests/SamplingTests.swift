import SouthGPT
import Testing

@Suite struct SamplingTests {
    private func draws(
        _ count: Int, _ logits: [Float], _ options: SamplingOptions, forbidden: Set<Int> = []
    ) -> [Int] {
        var sampler = Sampler(options)
        return (0..<count).map { _ in sampler.draw(logits, forbidden: forbidden) }
    }

    @Test func temperatureZeroTakesTheLikeliestAllowedToken() {
        let options = SamplingOptions(temperature: 0, topP: 1, topK: 0)
        #expect(draws(3, [0, 5, 4], options) == [1, 1, 1])
        #expect(draws(1, [0, 5, 4], options, forbidden: [1]) == [2])
        #expect(draws(1, [7, 7], options) == [0])
    }

    @Test func topOneIsGreedy() {
        #expect(draws(4, [1, 3, 2], SamplingOptions(topP: 1, topK: 1)) == [1, 1, 1, 1])
    }

    @Test func aSmallMassKeepsOnlyTheLikeliest() {
        #expect(draws(4, [1, 3, 2], SamplingOptions(topP: 0.01, topK: 0)) == [1, 1, 1, 1])
    }

    @Test func theMassKeepsTheSmallestSetThatReachesIt() {
        // Probabilities ½, ¼, ¼: 0.6 is reached by the first two.
        let logits: [Float] = [0.6931472, 0, 0]
        let seen = Set(draws(200, logits, SamplingOptions(topP: 0.6, topK: 0)))
        #expect(seen == [0, 1])
    }

    @Test func frequenciesFollowTheSoftmax() {
        let logits: [Float] = [1.3862944, 0.6931472, 0]
        let all = draws(4000, logits, SamplingOptions(topP: 1, topK: 0))
        for (token, share) in [4.0 / 7, 2.0 / 7, 1.0 / 7].enumerated() {
            let found = Double(all.filter { $0 == token }.count) / 4000
            #expect(abs(found - share) < 0.03)
        }
    }

    @Test func aHigherTemperatureFlattens() {
        let logits: [Float] = [4, 0]
        func rare(_ temperature: Float) -> Int {
            draws(500, logits, SamplingOptions(temperature: temperature, topP: 1, topK: 0))
                .filter { $0 == 1 }.count
        }
        #expect(rare(4) > rare(1) + 50)
    }

    @Test func theSameSeedDrawsTheSameTokens() {
        let logits = (0..<50).map { Float($0 % 7) }
        let a = draws(30, logits, SamplingOptions(topP: 1, topK: 0, seed: 5))
        #expect(a == draws(30, logits, SamplingOptions(topP: 1, topK: 0, seed: 5)))
        #expect(a != draws(30, logits, SamplingOptions(topP: 1, topK: 0, seed: 6)))
    }
}
