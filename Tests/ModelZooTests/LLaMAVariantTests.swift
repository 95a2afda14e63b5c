import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

/// Every variant of the family, token by token against transformers.
@Suite struct LLaMAVariantTests {
    static let variants = [
        "llama-1", "vicuna-v0", "tinyllama", "llama", "vicuna-16k", "dynamic", "llama3", "yarn",
        "yarn-scaled", "longrope", "biased",
        "wide-heads", "mistral", "qwen2", "qwen2-tied", "qwen2-window",
    ]

    /// The network of a variant; its weights are computed, whatever is asked for.
    static func network(_ variant: String) throws -> (LLaMA, Checkpoint) {
        let config = try config(variant)
        let shapes = Weights.shapesOnly()
        _ = try LLaMA(config, from: shapes)
        let weights = try Checkpoint(
            file: variant,
            tensors: shapes.parameters.map { parameter in
                StoredTensor(
                    name: parameter.name,
                    value: recipeWeight(parameter.name, parameter.value.shape))
            })
        return (try LLaMA(config, from: Weights(weights)), weights)
    }

    static func config(_ variant: String) throws -> LLaMAConfig {
        let configs: [String: LLaMAConfig] = try Fixture("llama_greedy").config()
        return try #require(configs[variant])
    }

    static func greedy(
        _ network: LLaMA, _ prompt: [Int], count: Int
    ) -> (ids: [Int], scores: Tensor) {
        let cache = network.newCache()
        func scores(after ids: [Int]) -> Tensor {
            let states = network.hiddenStates(
                network.embedTokens(Tensor(ids.map { Int32($0) })), cache: cache)
            return network.logits(states.sliced(0, (ids.count - 1)..<ids.count)).squeezed(0)
        }
        var ids = prompt
        var last = scores(after: prompt)
        for step in 0..<count {
            ids.append(last.argMax().integers()[0])
            if step < count - 1 { last = scores(after: [ids[ids.count - 1]]) }
        }
        return (ids, last)
    }

    @Test(arguments: variants)
    func writesTheSameSixtyFourTokensAsTheOriginal(variant: String) throws {
        let fixture = try Fixture("llama_greedy")
        let expected = fixture["\(variant).ids"].integers()
        let (ids, scores) = Self.greedy(
            try Self.network(variant).0, Array(expected.prefix(12)), count: 64)
        #expect(ids == expected)
        let error = relativeError(
            scores, fixture["\(variant).scores"], of: "LLaMA \(variant), 64 greedy tokens, scores",
            original: fixture.source)
        #expect(error <= 1e-4)
    }

    /// Numbers of the published formulas at published sizes.
    @Test func stretchesTheAnglesOfPublishedSizes() throws {
        func close(_ found: Float, _ expected: Float) -> Bool {
            abs(found - expected) <= 2e-6 * expected
        }
        var config = LLaMAConfig(
            vocabSize: 8, hiddenSize: 4096, intermediateSize: 8, numHiddenLayers: 1,
            numAttentionHeads: 32, maxPositionEmbeddings: 8192)
        config.ropeTheta = 500_000
        var llama3 = RotaryConfig(type: "llama3")
        (llama3.factor, llama3.lowFreqFactor, llama3.highFreqFactor) = (8, 1, 4)
        llama3.originalMaxPositionEmbeddings = 8192
        config.ropeScaling = llama3
        let turned = RotaryFrequencies(config, length: 1).radians
        for (pair, expected) in [
            (28, Float(3.21144599e-3)), (29, 2.16657076e-3), (30, 1.37189357e-3),
            (35, 9.55621235e-5), (63, 3.06892599e-7),
        ] {
            #expect(close(turned[pair], expected))
        }
        config.ropeTheta = 1_000_000
        var yarn = RotaryConfig(type: "yarn")
        (yarn.factor, yarn.originalMaxPositionEmbeddings) = (4, 32768)
        config.ropeScaling = yarn
        let blended = RotaryFrequencies(config, length: 1)
        #expect(close(blended.radians[30], 1.06436098e-3))
        #expect(close(blended.radians[40], 4.44569853e-5))
        #expect(close(blended.scale, 1.138629436))
        config.ropeTheta = nil
        config.maxPositionEmbeddings = 2048
        var dynamic = RotaryConfig(type: "dynamic")
        dynamic.factor = 2
        config.ropeScaling = dynamic
        let grown = RotaryFrequencies(config, length: 4096).radians
        #expect(close(grown[1], 1 / pow(30527.7367, 2 / 128.0)))
        #expect(RotaryFrequencies(config, length: 2048).radians[1] == 1 / pow(10000, 2 / 128.0))
    }

    @Test func refusesStretchingThatItDoesNotKnow() throws {
        var config = try Self.config("llama")
        func error() -> String {
            do {
                _ = try LLaMA(config, from: .shapesOnly())
                return "no error"
            } catch { return "\(error)" }
        }
        config.ropeScaling = RotaryConfig(type: "spiral")
        #expect(
            error() == "config.json of the LLaMA: 'rope_scaling' is spiral, expected default or "
                + "linear or dynamic or llama3 or yarn or longrope. Is it the file of a supported "
                + "release?")
        config.ropeScaling = RotaryConfig(type: "longrope")
        config.ropeScaling?.longFactor = [1]
        #expect(error().contains("'short_factor' is 0, expected 6"))
        config.ropeScaling = RotaryConfig(type: "linear")
        config.ropeScaling?.factor = -1
        #expect(error().contains("'factor' is -1.0, expected 1.0 to 1000000.0"))
    }

    /// A window over a prompt that is longer than the stretches it is taken in.
    @Test func seesThroughItsWindowAlikeAtOnceAndTokenByToken() throws {
        let (network, _) = try Self.network("mistral")
        let ids = (0..<1100).map { (place: Int) -> Int32 in Int32(place * (place + 5) % 97) }
        let rows = network.embedTokens(Tensor(ids))
        let (whole, parts) = (network.newCache(), network.newCache())
        let once = network.hiddenStates(rows, cache: whole)
        _ = network.hiddenStates(rows.sliced(0, 0..<1090), cache: parts)
        for index in 1090..<1100 {
            let row = network.hiddenStates(rows.sliced(0, index..<(index + 1)), cache: parts)
            #expect(row.isClose(to: once.sliced(0, index..<(index + 1)), absolute: 1e-4))
        }
    }
}
