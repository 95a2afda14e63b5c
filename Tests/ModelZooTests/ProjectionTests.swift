import ModelZoo
import TensorCore
import TestSupport
import Testing

@Suite struct ProjectionTests {
    @Test(arguments: [Device.reference, .cpu], Modality.allCases)
    func readsSpansAsTheOriginalTransformer(device: Device, modality: Modality) throws {
        let fixture = try Fixture("output_projection")
        let config =
            switch modality {
            case .image: small(4, 9, 10, layers: [0, -1])
            case .video: small(6, 5, 14)
            case .audio: small(8, 1, 6)
            }
        let (own, published) = ("\(modality).", stack(modality))
        let weights = Weights(
            try fixture.weights.renamed { name in
                name.hasPrefix(own) ? published + name.dropFirst(own.count) : nil
            }, device: device)
        let projection = try OutputProjection(config, modality, from: weights)
        try weights.finish()

        let shape = [3, config.inputTokens, config.hiddenSize]
        let states = config.hiddenLayers.indices.map {
            recipeInput("projection.\(modality).states.\($0)", shape).on(device)
        }
        let embeddings = recipeInput("projection.\(modality).embeddings", shape).on(device)
        let error = relativeError(
            projection(states, embeddings: embeddings), fixture["\(modality)"],
            of: "output projection, \(modality), \(device)", original: fixture.source)
        #expect(error <= 1e-4)
    }

    private func stack(_ modality: Modality) -> String {
        switch modality {
        case .image: "gen_text_hidden_fcs."
        case .audio: "gen_text_hidden_fcs_audio."
        case .video: "gen_text_hidden_fcs_video."
        }
    }

    private func small(
        _ inputs: Int, _ outputs: Int, _ width: Int, layers: [Int] = [-1]
    ) -> OutputProjectionConfig {
        OutputProjectionConfig(
            hiddenSize: 20, innerWidth: 16, heads: 4, layers: 2, feedForward: 24,
            inputTokens: inputs, outputTokens: outputs, outputWidth: width, hiddenLayers: layers)
    }

    @Test(
        arguments: zip(
            [Modality.image, .video, .audio], [31_958_784, 32_090_112, 31_788_544]))
    func hasThePublishedNumberOfParameters(modality: Modality, expected: Int) throws {
        let config = OutputProjectionConfig.published(modality)
        let weights = try blank(published(config, stack(modality) + "0."))
        _ = try OutputProjection(config, modality, from: weights)
        try weights.finish()
        #expect(parameterCount(weights) == expected)
    }

    private func published(
        _ config: OutputProjectionConfig, _ root: String
    ) -> [(String, Shape)] {
        func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> [(String, Shape)] {
            [(name + ".weight", [outputs, inputs]), (name + ".bias", [outputs])]
        }
        func norm(_ name: String) -> [(String, Shape)] {
            [(name + ".weight", [512]), (name + ".bias", [512])]
        }
        func attention(_ name: String) -> [(String, Shape)] {
            [(name + ".in_proj_weight", [1536, 512]), (name + ".in_proj_bias", [1536])]
                + linear(name + ".out_proj", 512, 512)
        }
        var tensors = linear(root + "fc", 4096, 512)
        tensors += linear(root + "model", 512, config.outputWidth)
        tensors.append((root + "query_embs", [1, config.outputTokens, 512]))
        for part in ["encoder", "decoder"] {
            for index in 0..<4 {
                let layer = "\(root)tfm.\(part).layers.\(index)."
                tensors += attention(layer + "self_attn")
                tensors += linear(layer + "linear1", 512, 2048)
                tensors += linear(layer + "linear2", 2048, 512)
                tensors += norm(layer + "norm1") + norm(layer + "norm2")
                if part == "decoder" {
                    tensors += attention(layer + "multihead_attn") + norm(layer + "norm3")
                }
            }
            tensors += norm("\(root)tfm.\(part).norm")
        }
        return tensors
    }

    @Test(arguments: [2, 5])
    func mapsTokensOneByOneAndFillsOrCuts(outputs: Int) throws {
        let config = OutputProjectionConfig(
            mode: .linear, hiddenSize: 6, inputTokens: 3, outputTokens: outputs, outputWidth: 4)
        let weights = Weights.fresh(seed: 3)
        let projection = try OutputProjection(config, .image, from: weights)
        let states = recipeInput("projection.linear", [2, 3, 6])
        let result = projection([states], embeddings: states)
        let stored = weights.parameters.map(\.value)
        let expected = states.linear(stored[0], bias: stored[1])
        #expect(weights.parameters[0].name == "gen_text_hidden_fcs.0.model.weight")
        #expect(result.shape == [2, outputs, 4])
        let shared = min(outputs, 3)
        #expect(
            result.sliced(1, 0..<shared).isClose(
                to: expected.sliced(1, 0..<shared), absolute: 1e-6))
        #expect(result.sliced(1, shared..<outputs).floats().allSatisfy { $0 == 0 })
    }

    @Test(arguments: [Device.reference, .cpu])
    func readsSpansAsTheOriginalQFormer(device: Device) throws {
        let fixture = try Fixture("output_qformer")
        let config = OutputProjectionConfig(
            mode: .qformer, hiddenSize: 20, innerWidth: 24, heads: 3, layers: 2, feedForward: 40,
            inputTokens: 4, outputTokens: 9, outputWidth: 10)
        let weights = Weights(
            try fixture.weights.renamed { name in
                stack(.image) + name.dropFirst("qformer.".count)
            }, device: device)
        let projection = try OutputProjection(config, .image, from: weights)
        try weights.finish()
        let states = recipeInput("projection.qformer.states", [3, 4, 20]).on(device)
        let embeddings = recipeInput("projection.qformer.embeddings", [3, 4, 20]).on(device)
        let error = relativeError(
            projection([states], embeddings: embeddings), fixture["image"],
            of: "output projection, Q-Former, \(device)", original: fixture.source)
        #expect(error <= 1e-4)
    }

    @Test func turnsEmbeddingsIntoRowsOfTheLanguageModel() throws {
        let published = try blank([
            ("llama_proj.weight", [4096, 1024]), ("llama_proj.bias", [4096]),
        ])
        _ = try InputProjection(inputWidth: 1024, hiddenSize: 4096, from: published)
        try published.finish()
        #expect(parameterCount(published) == 4_198_400)

        let weights = Weights.fresh(seed: 3)
        let projection = try InputProjection(inputWidth: 8, hiddenSize: 6, from: weights)
        let x = recipeInput("projection.input", [2, 8])
        let (w, b) = (weights.parameters[0].value, weights.parameters[1].value)
        #expect(projection(x).isClose(to: x.matmul(w.transposed()) + b, absolute: 1e-5))
    }
}
