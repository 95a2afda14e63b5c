import ModelZoo
import TensorCore
import TestSupport
import Testing

@Suite struct TextEncodersTests {
    @Test(arguments: ["quick_gelu", "gelu"])
    func clipMatchesTheOriginal(activation: String) throws {
        let fixture = try Fixture("clip_text_\(activation)")  // by text_encoders.py
        let weights = Weights(try fixture.weights)
        let encoder = try CLIPTextModel(try fixture.config(), from: weights)
        try weights.finish()
        let error = relativeError(
            encoder(fixture["ids"]), fixture["states"], of: "CLIP text, tiny, \(activation)",
            original: fixture.source)
        #expect(error <= 1e-5)
    }

    @Test func clipReadsReleasesWithoutThePrefix() throws {
        let fixture = try Fixture("clip_text_gelu")
        var bare = try fixture.weights.renamed { String($0.dropFirst("text_model.".count)) }
        let ids = Tensor([Int64](repeating: 0, count: 77).map { Float($0) }, [1, 77])
        bare = try Checkpoint(
            file: bare.file,
            tensors: bare.tensors + [StoredTensor(name: "embeddings.position_ids", value: ids)])
        let weights = Weights(bare)
        let encoder = try CLIPTextModel(try fixture.config(), from: weights)
        try weights.finish(unused: CLIPTextModel.unused)
        #expect(encoder(fixture["ids"]).isClose(to: fixture["states"], absolute: 1e-5))
    }

    @Test func clipSeesNothingThatComesLater() throws {
        let fixture = try Fixture("clip_text_gelu")
        let encoder = try CLIPTextModel(try fixture.config(), from: Weights(try fixture.weights))
        let (a, b) = (
            Tensor([48, 3, 17] as [Int32], [1, 3]), Tensor([48, 3, 9] as [Int32], [1, 3])
        )
        let (first, second) = (encoder(a).floats(), encoder(b).floats())
        #expect(first[..<64] == second[..<64])
        #expect(first[64...] != second[64...])
    }

    @Test func clapMatchesTheOriginal() throws {
        let fixture = try Fixture("clap_text")  // by text_encoders.py
        let weights = Weights(try fixture.weights)
        let encoder = try CLAPTextModel(try fixture.config(), from: weights)
        try weights.finish(unused: CLAPTextModel.unused)
        let error = relativeError(
            encoder(fixture["ids"]), fixture["embeds"], of: "CLAP text, tiny",
            original: fixture.source)
        #expect(error <= 1e-5)
    }

    @Test func clapPaddingChangesNothing() throws {
        let fixture = try Fixture("clap_text")
        let encoder = try CLAPTextModel(try fixture.config(), from: Weights(try fixture.weights))
        let short = Tensor([0, 7, 12, 30, 2] as [Int32], [1, 5])
        #expect(encoder(short).isClose(to: fixture["embeds"][0..<1], absolute: 1e-6))
        // Row G7n of the spec: the first elements after normalisation.
        let normed = encoder(short).normalized().sliced(1, 0..<4)
        let golden = Tensor([-0.398186, -0.335926, 0.246157, -0.210181] as [Float], [1, 4])
        #expect(normed.isClose(to: golden, absolute: 2e-5))
    }

    /// More columns than there are positions: what every row pads must go, not the first row's alone.
    @Test func clapComputesNoPaddingOfABatch() throws {
        let fixture = try Fixture("clap_text")
        let encoder = try CLAPTextModel(try fixture.config(), from: Weights(try fixture.weights))
        let ids = fixture["ids"].integers().map { Int32($0) }
        let padding = [Int32](repeating: 1, count: 32)
        var padded: [Int32] = []
        for row in 0..<3 {
            padded += ids[(row * 8)..<(row * 8 + 8)]
            padded += padding
        }
        #expect(40 > encoder.config.maxTokens)
        #expect(
            encoder(Tensor(padded, [3, 40])).isClose(to: fixture["embeds"], absolute: 1e-6))
    }

    @Test func clapEmptyCaptionIsItsTwoTokens() throws {
        let fixture = try Fixture("clap_text")
        let encoder = try CLAPTextModel(try fixture.config(), from: Weights(try fixture.weights))
        let two = encoder(Tensor([0, 2] as [Int32], [1, 2]))
        #expect(two.isClose(to: fixture["embeds"][2..<3], absolute: 1e-6))
    }

    @Test func refusesConfigurationsThatCannotBe() throws {
        let fixture = try Fixture("clip_text_gelu")
        var config = try fixture.config(CLIPTextConfig.self)
        config.hiddenAct = "mish"
        #expect(throws: ConfigError.self) {
            try CLIPTextModel(config, from: Weights(try fixture.weights))
        }
        config.hiddenAct = "gelu"
        config.numAttentionHeads = 5
        #expect(throws: ConfigError.self) {
            try CLIPTextModel(config, from: Weights(try fixture.weights))
        }
        config.numAttentionHeads = 4
        config.numHiddenLayers = -1
        #expect(throws: ConfigError.self) {
            try CLIPTextModel(config, from: Weights(try fixture.weights))
        }
    }
}
