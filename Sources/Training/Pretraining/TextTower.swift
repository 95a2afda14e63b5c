public import ModelZoo
import Diffusion
import TensorCore

/// Which text encoder a decoder's training uses or makes.
public struct TextEncoderRecipe: Codable, Equatable, Sendable {
    /// The folder of one to go on from or to use; nil starts a fresh one.
    public var from: String?
    /// The sizes of a fresh CLIP-style one; `vocab_size` is that of the vocabulary to make.
    public var clip: CLIPTextConfig?
    /// The sizes of a fresh CLAP-style one.
    public var clap: CLAPTextConfig?
    /// The folder of its vocabulary; nil makes one from the datasets' texts.
    public var tokenizer: String?

    /// A recipe.
    public init(
        from: String? = nil, clip: CLIPTextConfig? = nil, clap: CLAPTextConfig? = nil,
        tokenizer: String? = nil
    ) {
        (self.from, self.clip, self.clap, self.tokenizer) = (from, clip, clap, tokenizer)
    }
}

/// A text encoder with its vocabulary, of either style.
struct TextTower: Sendable {
    /// The two styles.
    enum Style: Sendable { case clip, clap }

    private enum Network: Sendable {
        case clip(CLIPTextModel)
        case clap(CLAPTextModel)
    }

    private let network: Network
    private let vocabulary: TextVocabulary
    /// From CLIP's state of the end mark to the space that is shared with media, for contrasts.
    private let projection: Linear?
    /// All weights.
    let parameters: [Parameter]

    /// Makes or opens the encoder.
    ///
    /// - Parameter projecting: width of the space of a contrast; CLAP's own must be it
    init(
        _ style: Style, _ recipe: TextEncoderRecipe, projecting width: Int? = nil,
        key: String, _ source: PretrainingSource
    ) throws {
        let folder = recipe.from.map(source.path)
        if folder != nil, recipe.tokenizer == nil {
            throw source.fault("\(key).tokenizer", "absent", "the folder of the encoder's own")
        }
        // Fresh parts of one run do not draw the same numbers.
        let weights = try Weights.starting(
            from: folder, drawing: ["text_projection.weight"], seed: source.seed &+ 1)
        func check(_ vocabulary: Int, _ tokens: Int) throws {
            guard vocabulary > tokens else { return }
            throw source.fault(
                "\(key).tokenizer", "of \(vocabulary) tokens", "at most the encoder's \(tokens)")
        }
        switch style {
        case .clip:
            var config = try source.config(in: folder, or: recipe.clip, key: "\(key).clip")
            vocabulary = try TextVocabulary(
                .clip(), folder: recipe.tokenizer, size: config.vocabSize, source)
            if folder == nil { config.vocabSize = vocabulary.size }
            try check(vocabulary.size, config.vocabSize)
            network = .clip(try CLIPTextModel(config, from: weights))
            projection = try width.map {
                try Linear(
                    config.hiddenSize, $0, bias: false, from: weights["text_projection"])
            }
            try weights.finish(unused: CLIPTextModel.unused)
        case .clap:
            var config = try source.config(in: folder, or: recipe.clap, key: "\(key).clap")
            vocabulary = try TextVocabulary(
                .roberta, folder: recipe.tokenizer, size: config.vocabSize, source)
            if folder == nil { config.vocabSize = vocabulary.size }
            try check(vocabulary.size, config.vocabSize)
            network = .clap(try CLAPTextModel(config, from: weights))
            projection = nil
            if let width, width != config.projectionDim {
                throw source.fault(
                    "\(key).clap.projection_dim", "\(config.projectionDim)",
                    "\(width), the width of the encoder's embeddings")
            }
            try weights.finish(unused: CLAPTextModel.unused)
        }
        parameters = weights.trainable()
    }

    /// What its decoder's files call it.
    var config: TextEncoderConfig {
        switch network {
        case .clip(let clip): .clip(clip.config)
        case .clap(let clap): .clap(clap.config)
        }
    }

    /// Differs where the vocabulary does.
    var vocabularyFingerprint: String { vocabulary.fingerprint }

    /// The ids of a caption with its marks and padding.
    func ids(of caption: String) -> [Int32] {
        let length =
            switch network {
            case .clip(let clip): clip.config.maxPositionEmbeddings
            case .clap(let clap): clap.config.maxTokens
            }
        return vocabulary.tokenize(caption, length).map { Int32($0) }
    }

    /// What a UNet takes: CLIP's states `[batch, tokens, width]`, or CLAP's unit vectors
    /// `[batch, width]`.
    func conditions(_ captions: [[Int32]]) -> Tensor {
        switch network {
        case .clip(let clip): clip(table(captions))
        case .clap(let clap): clap(table(captions)).normalized()
        }
    }

    /// Unit vectors `[batch, width]` of the space that is shared with media.
    func embeddings(_ captions: [[Int32]]) -> Tensor {
        guard case .clip(let clip) = network, let projection else { return conditions(captions) }
        let ids = table(captions)
        return projection(clip(ids).states(atEndsOf: ids)).normalized()
    }

    private func table(_ captions: [[Int32]]) -> Tensor {
        Tensor(captions.flatMap(\.self), [captions.count, captions.first?.count ?? 0])
    }

    /// Writes the encoder, and its vocabulary into a folder of its own.
    func write(
        _ tensors: [(name: String, value: Tensor)], to folder: String, tokenizer: String
    ) throws {
        let component = try ComponentFolder(folder)
        switch network {
        case .clip(let clip): try component.write(clip.config, tensors)
        case .clap(let clap): try component.write(clap.config, tensors)
        }
        try vocabulary.write(to: tokenizer)
    }
}
