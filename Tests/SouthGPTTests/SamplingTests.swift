import SouthGPT
import Testing

@Suite struct SamplingTests {
    private func draws(
        _ count: Int, _ logits: [Float], _ options: SamplingOptions, forbidden: Set<Int> = []
    ) throws -> [Int] {
        var sampler = Sampler(options)
        return try (0..<count).map { _ in try sampler.draw(logits, forbidden: forbidden) }
    }

    @Test func temperatureZeroTakesTheLikeliestAllowedToken() throws {
        let options = SamplingOptions(temperature: 0, topP: 1, topK: 0)
        #expect(try draws(3, [0, 5, 4], options) == [1, 1, 1])
        #expect(try draws(1, [0, 5, 4], options, forbidden: [1]) == [2])
        #expect(try draws(1, [7, 7], options) == [0])
    }

    @Test func topOneIsGreedy() throws {
        #expect(try draws(4, [1, 3, 2], SamplingOptions(topP: 1, topK: 1)) == [1, 1, 1, 1])
    }

    @Test func aSmallMassKeepsOnlyTheLikeliest() throws {
        #expect(try draws(4, [1, 3, 2], SamplingOptions(topP: 0.01, topK: 0)) == [1, 1, 1, 1])
    }

    @Test func theMassKeepsTheSmallestSetThatReachesIt() throws {
        // Probabilities ½, ¼, ¼: 0.6 is reached by the first two.
        let logits: [Float] = [0.6931472, 0, 0]
        let seen = try Set(draws(200, logits, SamplingOptions(topP: 0.6, topK: 0)))
        #expect(seen == [0, 1])
    }

    @Test func frequenciesFollowTheSoftmax() throws {
        let logits: [Float] = [1.3862944, 0.6931472, 0]
        let all = try draws(4000, logits, SamplingOptions(topP: 1, topK: 0))
        for (token, share) in [4.0 / 7, 2.0 / 7, 1.0 / 7].enumerated() {
            let found = Double(all.filter { $0 == token }.count) / 4000
            #expect(abs(found - share) < 0.03)
        }
    }

    @Test func aHigherTemperatureFlattens() throws {
        let logits: [Float] = [4, 0]
        func rare(_ temperature: Float) throws -> Int {
            try draws(500, logits, SamplingOptions(temperature: temperature, topP: 1, topK: 0))
                .filter { $0 == 1 }.count
        }
        #expect(try rare(4) > rare(1) + 50)
    }

    @Test func theSameSeedDrawsTheSameTokens() throws {
        let logits = (0..<50).map { Float($0 % 7) }
        let a = try draws(30, logits, SamplingOptions(topP: 1, topK: 0, seed: 5))
        #expect(try a == draws(30, logits, SamplingOptions(topP: 1, topK: 0, seed: 5)))
        #expect(try a != draws(30, logits, SamplingOptions(topP: 1, topK: 0, seed: 6)))
    }
}

extension SamplingTests {
    private func draw(
        _ logits: [Float], after history: [Int] = [], _ change: (inout SamplingOptions) -> Void
    ) throws -> Int {
        var options = SamplingOptions(temperature: 0, topP: 1, topK: 0)
        change(&options)
        var sampler = Sampler(options)
        return try sampler.draw(logits, forbidden: [], after: history)
    }

    @Test func penaltiesFallOnTokensThatOccurred() throws {
        let logits: [Float] = [4, 3, -1]
        #expect(try draw(logits, after: [0]) { $0.repetitionPenalty = 2 } == 1)
        #expect(try draw(logits, after: [0, 0, 7]) { $0.repetitionPenalty = 1.3 } == 0)
        #expect(try draw(logits, after: [0]) { $0.presencePenalty = 1.5 } == 1)
        // Below zero, a penalty multiplies.
        #expect(try draw([-1, -1.5], after: [0]) { $0.repetitionPenalty = 2 } == 1)
    }

    @Test func scoresThatAreNoNumbersEndTheReply() throws {
        for logits: [Float] in [[1, .nan, 0], [1, .infinity], [-.infinity, -.infinity]] {
            for temperature: Float in [0, 1] {
                #expect(throws: ModelError.scoresNotFinite) {
                    try draw(logits) { $0.temperature = temperature }
                }
            }
        }
        // A token that can never come is no fault.
        #expect(try draw([-.infinity, 2]) { $0.temperature = 1 } == 1)
    }

    @Test func biasesAreAdded() throws {
        #expect(try draw([4, 3, 0]) { $0.logitBias = [2: 5, 99: 100] } == 2)
        #expect(try draw([4, 3, 0]) { $0.logitBias = [0: -2] } == 1)
    }

    @Test func dropsWhatIsFarLessLikelyThanTheLikeliest() throws {
        // Probabilities in the ratio 1 : ½ : ⅒.
        let logits: [Float] = [0, -0.6931472, -2.3025851]
        func seen(_ minP: Float) throws -> Set<Int> {
            var options = SamplingOptions(topP: 1, topK: 0)
            options.minP = minP
            var sampler = Sampler(options)
            return try Set((0..<300).map { _ in try sampler.draw(logits, forbidden: []) })
        }
        #expect(try seen(0) == [0, 1, 2])
        #expect(try seen(0.2) == [0, 1])
        #expect(try seen(0.6) == [0])
    }
}
