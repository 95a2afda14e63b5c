import ModelZoo
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct LanguageModelTaskTests {
    @Test func losesWhatTransformersLoses() throws {
        let fixture = try Fixture("pretraining_llama")  // made by Tests/Fixtures/pretraining.py
        let weights = Weights(try fixture.weights)
        let model = try LLaMA(fixture.config(), from: weights)
        try weights.finish()
        let items = [
            LanguageModelTask.Item(
                ids: [1, 5, 7, 9, 11, 2], isLearnt: [false, false, true, true, true, true]),
            LanguageModelTask.Item(ids: [1, 6, 3, 8], isLearnt: [false, false, false, true]),
        ]
        let loss = withGradients { LanguageModelTask.loss(of: items, by: model) }
        #expect(loss.accuracy?.counted == 5)
        expectSame(loss.terms[0].sum.detached(), fixture["loss"], fixture, "a language model")
        let total = withGradients { loss.total(per: [.tokens: 5]) }
        let gradients = try #require(total).backward()
        try expectSame(gradients, of: weights.parameters, fixture, "a language model")
    }
}
