import Foundation
import ModelZoo
import SouthBenchmarks
import TensorCore
import TestSupport
import Testing

@Suite struct LanguageModelCaseTests {
    @Test(arguments: LanguageModelCase.types)
    func writesAModelThatOpensAndRuns(weights: DType) throws {
        try withTemporaryFolder { folder in
            let config = LLaMAConfig(
                vocabSize: 300, hiddenSize: 256, intermediateSize: 512,
                numHiddenLayers: 2, numAttentionHeads: 4, numKeyValueHeads: 2,
                maxPositionEmbeddings: 64)
            let model = try LanguageModelCase(config, weights: weights, prompt: 6, reply: 3)
                .written(in: folder)
            let files = try LLaMAFiles(model.path)
            #expect(files.config.vocabSize == 300 && files.config.numHiddenLayers == 2)
            #expect(
                files.checkpoint["model.layers.1.self_attn.q_proj.weight"]?.dtype == weights)
            #expect(files.checkpoint["model.norm.weight"]?.dtype == .float32)
            #expect(try files.tokenizer(beside: model.path).vocabularySize == 300)
            // Keys and values of nine tokens in two layers, two heads of 64 numbers each.
            #expect(
                try model.heldBytes() == files.checkpoint.byteCount + 2 * 2 * 2 * 64 * 4 * 9)
            let seconds = try LanguageModelRun(model).measure()
            #expect(seconds.prefill > 0 && seconds.token > 0)
            // What a peer is told is the same case.
            let told = try JSONEncoder().encode(model)
            #expect(try JSONDecoder().decode(LanguageModelCase.self, from: told) == model)
        }
    }

    @Test func theLargeOneHasThePublishedSizes() throws {
        let weights = Weights.shapesOnly()
        _ = try LLaMA(LanguageModelCase.sevenBillion(layers: 32), from: weights)
        let numbers = weights.parameters.reduce(0) { $0 + $1.value.shape.elementCount }
        #expect(numbers == 6_738_415_616)
    }
}
