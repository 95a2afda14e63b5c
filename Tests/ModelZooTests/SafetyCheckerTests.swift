import ModelZoo
import TensorCore
import TestSupport
import Testing

@Suite struct SafetyCheckerTests {
    @Test func flagsTheOriginalsPictures() throws {
        let fixture = try Fixture("safety_checker")  // by safety_checker.py
        let checker = try SafetyChecker(
            fixture.config(SafetyCheckerConfig.self), from: Weights(fixture.weights))
        let found = checker(recipeInput("pictures", [8, 3, 12, 12]))
        #expect(found == fixture["flagged"].floats().map { $0 > 0 })
        #expect(Set(found).count == 2)
    }

    @Test(.enabled(if: TestData.has("published-configs/stable-diffusion-v1-5")))
    func thePublishedConfigurationGivesThePublishedSize() throws {
        let config: SafetyCheckerConfig = try ConfigFile.read(
            from: TestData.path(
                "published-configs/stable-diffusion-v1-5/safety_checker/config.json"))
        let weights = Weights.shapesOnly()
        _ = try SafetyChecker(config, from: weights)
        #expect(config.imageSize == 224)
        // 1,215,981,830 bytes were published; the rest of them is the header and 257 positions' ids.
        let bytes = weights.parameters.reduce(0) { $0 + 4 * $1.value.count }
        #expect((1_215_900_000..<1_215_981_830).contains(bytes))
    }
}
