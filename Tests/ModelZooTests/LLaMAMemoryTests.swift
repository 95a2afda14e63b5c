import ModelZoo
import TensorCore
import TestSupport
import Testing

@Suite struct LLaMAMemoryTests {
    private static let config = LLaMAConfig(
        vocabSize: 20_000, hiddenSize: 128, intermediateSize: 344, numHiddenLayers: 3,
        numAttentionHeads: 4, numKeyValueHeads: 2)

    /// The weights, most of which are two tables, are no part of it.
    @Test func foreseesWhatReadingAndWritingTakes() async {
        await #expect(processExitsWith: .success) {
            let config = LLaMAMemoryTests.config
            let foreseen = try config.bytesNeeded(reading: 200, writing: 40)
            let model = try LLaMA(config, from: .fresh(seed: 1))
            let rows = recipeInput("rows", [200, 128])
            TensorMemory.resetPeak()
            let before = TensorMemory.current
            let cache = model.newCache()
            cache.reserve(240)
            _ = model.logits(model.hiddenStates(rows, cache: cache)[199..<200]).floats()
            for _ in 0..<40 {
                _ = model.logits(model.hiddenStates(rows[0..<1], cache: cache)).floats()
            }
            let ratio = Double(TensorMemory.peak - before) / Double(foreseen)
            precondition(abs(ratio - 1) < 0.1, "\(ratio) of the \(foreseen) bytes foreseen")
        }
    }

    @Test func countsTheCachesOfAllThatAreAnsweredTogether() throws {
        let config = Self.config
        let alone = try config.bytesNeeded(reading: 50, writing: 10)
        let token = 2 * 3 * 2 * 32 * 4
        #expect(
            try config.bytesNeeded(readingInTurn: [50, 20, 5], writing: 10)
                == alone + (30 + 15) * token)
        #expect(try config.bytesNeeded(readingInTurn: [], writing: 10) == 0)
    }
}
