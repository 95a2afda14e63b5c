import Diffusion
import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

/// The tiny decoders of section 17.4 of the specification, as `decoders.py` writes them.
struct TinyDecoder: Decodable {
    let unet: UNetConfig
    let vae: AutoencoderKLConfig
    let clip: CLIPTextConfig?
    let clap: CLAPTextConfig?
    let vocoder: HiFiGANConfig?
    let scheduler: SchedulerConfig

    func config(_ modality: Modality, vocabulary: Int? = nil) throws -> DecoderConfig {
        var (clip, clap) = (clip, clap)
        if let vocabulary {
            clip?.vocabSize = vocabulary
            clap?.vocabSize = vocabulary
        }
        let text = clip.map(TextEncoderConfig.clip) ?? clap.map(TextEncoderConfig.clap)
        return try DecoderConfig(
            modality, unet: unet, vae: vae, textEncoder: #require(text), vocoder: vocoder,
            scheduler: scheduler)
    }

    /// A decoder with weights by recipe, and the weights by component.
    static func decoder(
        _ config: DecoderConfig, tokenize: @escaping PromptEncoder.Tokenize
    ) throws -> (decoder: MediaDecoder, weights: [DecoderComponent: Weights]) {
        var views: [DecoderComponent: Weights] = [:]
        let decoder = try MediaDecoder(config, tokenize: tokenize) { component in
            let view = Weights.shapesOnly()
            views[component] = view
            return view
        }
        for view in views.values {
            for parameter in view.parameters {
                parameter.replace(with: recipeWeight(parameter.name, parameter.value.shape))
            }
        }
        return (decoder, views)
    }

    /// A decoder's folder with weights by recipe and a vocabulary of single bytes.
    static func write(_ modality: Modality, to folder: String) throws -> DecoderConfig {
        let configs = try Fixture("decoders").config([String: TinyDecoder].self)
        let tiny = try #require(configs[modality.rawValue])
        let config = try tiny.config(modality, vocabulary: modality == .audio ? 261 : 514)
        try config.write(to: folder)
        let (_, weights) = try TinyDecoder.decoder(config) { _, _ in [] }
        for (component, view) in weights {
            let tensors = view.parameters.map { (name: $0.name, value: $0.value) }
            let stem = [.unet, .vae].contains(component) ? "diffusion_pytorch_model" : "model"
            try Safetensors.write(
                tensors, to: "\(folder)/\(component.rawValue)/\(stem).safetensors")
        }
        try writeVocabulary(modality, to: "\(folder)/tokenizer")
        return config
    }

    static func writeVocabulary(_ modality: Modality, to folder: String) throws {
        let printable = (33...126).map { $0 } + (161...172).map { $0 } + (174...255).map { $0 }
        let bytes = (printable + (256..<324).map { $0 }).compactMap { Unicode.Scalar($0) }
            .map { String($0) }
        let tokens =
            modality == .audio
            ? ["<s>", "<pad>", "</s>", "<unk>"] + bytes + ["<mask>"]
            : bytes + bytes.map { $0 + "</w>" } + ["<|startoftext|>", "<|endoftext|>"]
        let ids = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, $0) })
        try JSONEncoder().encode(ids).write(to: URL(filePath: "\(folder)/vocab.json"))
        try Data("#version: 0.2\n".utf8).write(to: URL(filePath: "\(folder)/merges.txt"))
    }
}
