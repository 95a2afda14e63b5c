import Dialogue
import Diffusion
import FoundationEssentials
import ModelZoo
import TensorCore

/// A preset's model: every part laid out as the published model is.
package struct PresetModel {
    private let sizes: PresetSizes
    private let tokens = SignalTokens()
    private let tokenizer: LLaMATokenizer

    package init(_ sizes: PresetSizes) throws {
        self.sizes = sizes
        tokenizer = try PresetTokenizers.sentencePiece(sizes.languageModel.vocabSize)
    }

    /// All weights, in the order in which they are written.
    package var parts: [PresetPart] {
        [encoder, languageModel] + sizes.decoders.flatMap(\.parts) + [delta]
    }

    /// Writes all but the weights.
    func describe(in model: String) throws {
        func folder(_ name: String) throws -> String {
            let path = "\(model)/\(name)"
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
            return path
        }
        let encoder = try folder(sizes.encoderFolder)
        // The published file has no description: without one, it is what is meant.
        if sizes.encoder != .huge {
            try ConfigFile.write(sizes.encoder, to: "\(encoder)/config.json")
        }
        let languageModel = try folder(sizes.languageModelFolder)
        try tokenizer.write(to: languageModel)
        try ConfigFile.write(sizes.languageModel, to: "\(languageModel)/config.json")
        for decoder in sizes.decoders { try decoder.describe(in: model) }
        let delta = try folder(sizes.deltaFolder)
        let enlarged = tokenizer.adding(tokens.allNames)
        try enlarged.write(to: delta)
        var config = sizes.languageModel
        config.vocabSize = enlarged.vocabularySize
        try ConfigFile.write(config, to: "\(delta)/config.json")
        try manifest.write(to: model)
    }

    private var encoder: PresetPart {
        let config = sizes.encoder
        return PresetPart(
            sizes.encoderFolder, in: .pytorch(sizes.encoderFile, sizes.encoderType), draw: 0
        ) { weights in
            _ = try ImageBind(config, from: weights)
            if let text = config.text {
                _ = try ImageBindText(text, embeddingWidth: config.embeddingWidth, from: weights)
            }
            let sensors: [(ImageBindSensor, Bool)] = [
                (.depth, config.depth != nil), (.thermal, config.thermal != nil),
                (.imu, config.imu != nil),
            ]
            for (sensor, isThere) in sensors where isThere {
                _ = try ImageBindSensorTower(sensor, of: config, from: weights)
            }
        }
    }

    private var languageModel: PresetPart {
        let config = sizes.languageModel
        return PresetPart(
            sizes.languageModelFolder, in: .pytorchShards(.float16, maxBytes: sizes.maxShardBytes),
            draw: 1
        ) { _ = try LLaMA(config, from: $0) }
    }

    /// What training would add: projections, the enlarged vocabulary, adapters; names of stage 3.
    private var delta: PresetPart {
        PresetPart(sizes.deltaFolder, in: .pytorch("pytorch_model.pt", .float16), draw: 2) {
            [sizes, tokens, tokenizer] weights in
            let (config, rank) = (sizes.languageModel, sizes.adapterRank)
            let hiddenSize = config.hiddenSize
            _ = try InputProjection(
                inputWidth: sizes.encoder.embeddingWidth, hiddenSize: hiddenSize, from: weights)
            for modality in Modality.signalOrder {
                for decoder in sizes.decoders where decoder.config.modality == modality {
                    let output = decoder.conditioning
                    _ = try OutputProjection(
                        OutputProjectionConfig(
                            hiddenSize: hiddenSize, innerWidth: sizes.projectionWidth,
                            feedForward: sizes.projectionFeedForward,
                            inputTokens: tokens.count(of: modality), outputTokens: output.tokens,
                            outputWidth: output.width), modality, from: weights)
                }
            }
            let model = weights["llama_model.base_model.model"]
            let vocabulary = tokenizer.adding(tokens.allNames).vocabularySize
            for name in ["model.embed_tokens", "lm_head"] {
                _ = try model[name].parameter(
                    "weight", [vocabulary, hiddenSize], initial: .normal(0.02))
            }
            for layer in 0..<config.numHiddenLayers {
                let attention = model["model.layers"][layer]["self_attn"]
                for (name, outputs) in [
                    ("q_proj", hiddenSize), ("k_proj", config.keyValueHeads * config.headSize),
                    ("v_proj", config.keyValueHeads * config.headSize), ("o_proj", hiddenSize),
                ] {
                    _ = try attention[name]["lora_A.default"].parameter(
                        "weight", [rank, hiddenSize], initial: .kaimingUniform)
                    // Not zero as before training, so that the adapters do something.
                    _ = try attention[name]["lora_B.default"].parameter(
                        "weight", [outputs, rank], initial: .normal(0.02))
                }
            }
        }
    }

    private var manifest: ModelManifest {
        var components: [String: ModelManifest.Component] = [
            "encoder": .init(path: sizes.encoderFolder, kind: "imagebind"),
            "llm": .init(path: sizes.languageModelFolder, kind: "llama"),
            "tokenizer": .init(path: sizes.deltaFolder, kind: "sentencepiece"),
            "delta": .init(path: sizes.deltaFolder, kind: "southgpt"),
        ]
        for decoder in sizes.decoders {
            components["decoder.\(decoder.config.modality.rawValue)"] = .init(
                path: decoder.folder, kind: "diffusers")
        }
        return ModelManifest(
            name: "\(sizes.name) (random weights)", components: components, signalTokens: tokens,
            defaults: sizes.defaults)
    }
}
