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
            for count in [200, 1300] {
                let config = LLaMAMemoryTests.config
                let foreseen = try config.bytesNeeded(reading: count, writing: 40)
                let model = try LLaMA(config, from: .fresh(seed: 1))
                let passes = SharedPasses(model)
                TensorMemory.resetPeak()
                let before = TensorMemory.current
                let rows = recipeInput("rows", [count, 128])
                let cache = model.newCache()
                cache.reserve(count + 40)
                _ = passes.states(after: rows, cache: cache).scores.floats()
                for _ in 0..<40 {
                    _ = passes.states(after: rows[0..<1], cache: cache).scores.floats()
                }
                let ratio = Double(TensorMemory.peak - before) / Double(foreseen)
                precondition(abs(ratio - 1) < 0.1, "\(ratio) of the \(foreseen) bytes foreseen")
            }
        }
    }

    /// Beside weights and cache there are 300 MB at the most, however long the prompt.
    @Test(arguments: [512, 2000])
    func sevenBillionsTakeLittleMoreThanTheirCache(rows: Int) throws {
        let config = LLaMAConfig(
            vocabSize: 32_000, hiddenSize: 4096, intermediateSize: 11_008, numHiddenLayers: 32,
            numAttentionHeads: 32)
        let cache = 2 * 32 * 4096 * 4 * (rows + 48)
        #expect(try config.bytesNeeded(reading: rows, writing: 48) - cache < 200 << 20)
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
