import FoundationEssentials
public import ModelZoo
public import TensorCore

/// The text encoder in a decoder's folder, without the networks that its conditions are for: what
/// the embeddings of captions are computed with.
public struct TextEncoderFolder: Sendable {
    /// What the decoder makes.
    public let modality: Modality
    /// The sizes of the text encoder.
    public let config: TextEncoderConfig
    /// From captions to conditions.
    public let prompts: PromptEncoder
    /// Whether the folder has its UNet's `config.json`, and what the UNet takes is as wide.
    public let isHeldAgainstUNet: Bool
    /// Twelve hexadecimal digits that tell its weights from others', in whatever format or folder
    /// they lie.
    public let fingerprint: String

    /// Opens `text_encoder` and `tokenizer` of a folder as diffusers writes it. Neither the UNet nor
    /// the VAE need be there.
    ///
    /// - Parameter variant: as for `MediaDecoder`
    /// - Throws: `DecoderError`, `ConfigError`, `CheckpointError` or `TokenizerError`, naming the
    ///   file
    public init(_ folder: String, variant: String? = nil, device: Device = .cpu) throws {
        modality = try DecoderConfig.modality(of: folder)
        config = try DecoderConfig.textEncoder(of: modality, in: folder)
        let unet = "\(folder)/\(DecoderComponent.unet.rawValue)/config.json"
        isHeldAgainstUNet = FileManager.default.fileExists(atPath: unet)
        if isHeldAgainstUNet {
            try config.requireFit(of: ConfigFile.read(UNetConfig.self, from: unet), in: folder)
        }
        let tokenize = try config.tokenizer(of: folder)
        let checkpoint = try Checkpoint(
            component: "\(folder)/\(DecoderComponent.textEncoder.rawValue)", variant: variant)
        prompts = try PromptEncoder(
            config, from: Weights(checkpoint, device: device), tokenize: tokenize)
        var hash = SHA256()
        for tensor in checkpoint.tensors.sorted(by: { $0.name < $1.name }) {
            hash.update("\(tensor.name) \(tensor.shape)\n")
            // Training moves every number, so that a few of each tensor tell two models apart.
            let values = try tensor.tensor().flattened()
            let count = values.shape[0]
            for part in [0..<min(count, 64), max(0, count - 64)..<count] {
                values[part].cast(to: .float32).floats().withUnsafeBytes { hash.update($0) }
            }
        }
        for text in ["a photo of 3 cats!", "Waves, \u{e9}t\u{e9}"] {
            hash.update("\(tokenize(text, 16))")
        }
        fingerprint = String(hash.hexadecimal.prefix(12))
    }
}

extension TextEncoderConfig {
    /// The tokenizer in a decoder's folder.
    func tokenizer(of folder: String) throws -> PromptEncoder.Tokenize {
        let vocabulary = "\(folder)/\(DecoderComponent.tokenizer.rawValue)"
        switch self {
        case .clip:
            let tokenizer = try CLIPTokenizer(folder: vocabulary)
            return { tokenizer.encode($0, length: $1) }
        case .clap:
            let tokenizer = try RobertaTokenizer(folder: vocabulary)
            return { tokenizer.encode($0, length: $1).ids }
        }
    }
}
