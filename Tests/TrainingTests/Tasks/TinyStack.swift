import DataPipeline
import Dialogue
import Foundation
import ModelTestSupport
import ModelZoo
import SouthGPT
import TensorCore
import TestSupport
import Training

/// The tiny stack of `Tests/Fixtures/stages.py`: its weights in files of the published names, and
/// its batches.
struct TinyStack {
    let fixture: Fixture
    private let weights: Checkpoint
    private let batches: [String: [[Sample]]]

    struct Sample: Decodable {
        let ids: [Int]
        let labels: [Int]
        let media: [Place]
        let spans: [Place]
    }

    /// `[place, name]`, of spans `[modality, place, name]`.
    struct Place: Decodable {
        let modality: Modality?
        let position: Int
        let name: String

        init(from decoder: any Decoder) throws {
            var values = try decoder.unkeyedContainer()
            modality = values.count == 3 ? try values.decode(Modality.self) : nil
            position = try values.decode(Int.self)
            name = try values.decode(String.self)
        }
    }

    static let settings = [
        "num_gen_img_tokens=2", "num_gen_video_tokens=3", "num_gen_audio_tokens=2",
        "text_emb_to_img_layers=[-1, 1]",
    ]
    static let adapters = ["lora_r=2", "lora_alpha=4", "lora_dropout=0"]

    init() throws {
        struct Config: Decodable { let batches: [String: [[Sample]]] }
        fixture = try Fixture("stages")  // made by Tests/Fixtures/stages.py
        batches = try fixture.config(Config.self).batches
        weights = try fixture.weights
    }

    /// The stage's settings.
    func config(_ stage: Stage, _ assignments: [String] = []) throws -> TrainingConfig {
        try RunSettings(
            stage: stage, folder: Fixture.path("../../Configs"),
            assignments: TinyStack.settings
                + (stage == .instructionTuning ? TinyStack.adapters : []) + assignments
        ).task
    }

    /// A task over a new folder with the fixture's weights, the base in a type of choice.
    func task(
        _ stage: Stage, in folder: String, base: DType = .float32, storage: DType = .float32,
        _ assignments: [String] = []
    ) throws -> StageTask {
        if !FileManager.default.fileExists(atPath: "\(folder)/llm") {
            try write(to: folder, base: base)
        }
        let delta = "\(folder)/start_\(stage.rawValue)"
        try writeDelta(to: delta, withAdapters: stage == .instructionTuning)
        return try StageTask(
            stage, config: config(stage, assignments), model: .folder(folder), delta: delta,
            storage: storage)
    }

    func items(_ stage: Stage) throws -> [[StageTask.Item]] {
        let tokens = SignalTokens(image: 2, video: 3, audio: 2)
        let shapes: [Modality: Shape] = [.image: [5, 10], .video: [4, 6], .audio: [1, 7]]
        return (batches["stage_\(stage.rawValue)"] ?? []).map { batch in
            batch.map { sample in
                var sequence = DialogueSequence()
                var media = 0
                sequence.elements = sample.ids.map { id in
                    guard id < 0 else { return .token(id) }
                    media += 1
                    return .medium(media - 1)
                }
                sequence.labels = sample.labels.map { $0 == -100 ? nil : $0 }
                sequence.spans = sample.spans.enumerated().compactMap { index, span in
                    guard let modality = span.modality else { return nil }
                    let end = span.position + tokens.count(of: modality)
                    return .init(
                        modality: modality, elements: span.position..<end, signal: index)
                }
                return StageTask.Item(
                    sequence: sequence,
                    media: sample.media.map {
                        recipeInput("medium.\($0.name)", [48], scale: 1)
                    },
                    targets: sample.spans.compactMap { span in
                        span.modality.flatMap { shapes[$0] }.map {
                            recipeInput("target.\(span.name)", $0, scale: 1)
                        }
                    })
            }
        }
    }

    /// The model folder: the preset's encoder and tokenizer, the fixture's language model.
    private func write(to folder: String, base: DType) throws {
        let preset = TinyFolder.path + "/pretrained_ckpt"
        try FileManager.default.createDirectory(
            atPath: "\(folder)/llm", withIntermediateDirectories: true)
        try ModelManifest(
            name: "parity",
            components: [
                "encoder": .init(path: "\(preset)/imagebind_ckpt/tiny", kind: "imagebind"),
                "llm": .init(path: "llm", kind: "llama"),
                "tokenizer": .init(path: "\(preset)/vicuna_ckpt/tiny", kind: "sentencepiece"),
            ], signalTokens: SignalTokens(image: 2, video: 3, audio: 2)
        ).write(to: folder)
        var config = LLaMAConfig(
            vocabSize: 512, hiddenSize: 32, intermediateSize: 48, numHiddenLayers: 2,
            numAttentionHeads: 4, numKeyValueHeads: 2, maxPositionEmbeddings: 128,
            rmsNormEps: 1e-6)
        config.padTokenId = nil
        try ConfigFile.write(config, to: "\(folder)/llm/config.json")
        let names = weights.tensors.map(\.name).filter { name in
            (name.hasPrefix("model.") || name.hasPrefix("lm_head."))
                && !name.contains(".lora_") && !name.hasSuffix(".added_rows")
        }
        try Safetensors.write(
            names.map { ($0, try value($0).cast(to: base)) },
            to: "\(folder)/llm/model.safetensors")
    }

    /// The fixture's starting point as a delta of one regime or the other.
    private func writeDelta(to folder: String, withAdapters: Bool) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let prefix = withAdapters ? "llama_model.base_model.model." : "llama_model."
        var tensors: [(name: String, value: Tensor)] = []
        for tensor in weights.tensors {
            let name = tensor.name
            if name.hasSuffix(".added_rows") {
                let layer = name.dropLast(".added_rows".count)
                let rows = [try value("\(layer).weight"), try value(name)]
                tensors.append(("\(prefix)\(layer).weight", .concatenate(rows, axis: 0)))
            } else if name.contains(".lora_") {
                if withAdapters { tensors.append((prefix + name, try value(name))) }
            } else if name.hasPrefix("llama_proj.") || name.hasPrefix("gen_text_hidden_fcs") {
                tensors.append((name, try value(name)))
            }
        }
        try Safetensors.write(
            tensors, metadata: ["lora_alpha": "4", "changed_rows": "added"],
            to: "\(folder)/model.safetensors")
    }

    private func value(_ name: String) throws -> Tensor {
        guard let stored = weights[name] else { preconditionFailure("no weight '\(name)'") }
        return try stored.tensor()
    }
}
