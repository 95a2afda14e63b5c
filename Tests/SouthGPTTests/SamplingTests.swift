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

extension SamplingTests {
    private func draw(
        _ logits: [Float], after history: [Int] = [], _ change: (inout SamplingOptions) -> Void
    ) -> Int {
        var options = SamplingOptions(temperature: 0, topP: 1, topK: 0)
        change(&options)
        var sampler = Sampler(options)
        return sampler.draw(logits, forbidden: [], after: history)
    }

    @Test func penaltiesFallOnTokensThatOccurred() {
        let logits: [Float] = [4, 3, -1]
        #expect(draw(logits, after: [0]) { $0.repetitionPenalty = 2 } == 1)
        #expect(draw(logits, after: [0, 0, 7]) { $0.repetitionPenalty = 1.3 } == 0)
        #expect(draw(logits, after: [0]) { $0.presencePenalty = 1.5 } == 1)
        // Below zero, a penalty multiplies.
        #expect(draw([-1, -1.5], after: [0]) { $0.repetitionPenalty = 2 } == 1)
    }

    @Test func biasesAreAdded() {
        #expect(draw([4, 3, 0]) { $0.logitBias = [2: 5, 99: 100] } == 2)
        #expect(draw([4, 3, 0]) { $0.logitBias = [0: -2] } == 1)
    }

    @Test func dropsWhatIsFarLessLikelyThanTheLikeliest() {
        // Probabilities in the ratio 1 : ½ : ⅒.
        let logits: [Float] = [0, -0.6931472, -2.3025851]
        func seen(_ minP: Float) -> Set<Int> {
            var options = SamplingOptions(topP: 1, topK: 0)
            options.minP = minP
            var sampler = Sampler(options)
            return Set((0..<300).map { _ in sampler.draw(logits, forbidden: []) })
        }
        #expect(seen(0) == [0, 1, 2])
        #expect(seen(0.2) == [0, 1])
        #expect(seen(0.6) == [0])
    }
}
