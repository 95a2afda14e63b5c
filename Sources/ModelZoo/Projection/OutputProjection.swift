// From the hidden states of a span of signal tokens to the conditioning of a diffusion model.
// Paper: Wu et al. 2023 (NExT-GPT), arXiv:2309.05519; the transformer mode is that of
// Koh et al. 2023 (GILL), arXiv:2305.17216. Reference: NExT-GPT 8dd8761, layers.py.

public import TensorCore

/// What an output projection is made of.
public enum OutputProjectionMode: String, Codable, Sendable {
    /// Learnt queries read the span through an encoder and decoder.
    case transformer
    /// Each token by itself, for small models.
    case linear
    /// Learnt queries read the span through a Q-Former.
    case qformer
}

/// The sizes of the output projection of one modality.
public struct OutputProjectionConfig: Codable, Equatable, Sendable {
    public var mode: OutputProjectionMode
    /// Width of the language model.
    public var hiddenSize: Int
    /// Width, heads, layers of encoder and of decoder, and inner width of the transformer.
    public var innerWidth: Int
    public var heads: Int
    public var layers: Int
    public var feedForward: Int
    /// Signal tokens of a span.
    public var inputTokens: Int
    /// Tokens of the conditioning, and their width.
    public var outputTokens: Int
    public var outputWidth: Int
    /// Which hidden states it reads, as `LLaMA.hiddenStates(_:layers:)` numbers them; each has
    /// weights of its own, and the results are added.
    public var hiddenLayers: [Int]

    /// All of them, the transformer as published.
    public init(
        mode: OutputProjectionMode = .transformer, hiddenSize: Int, innerWidth: Int = 512,
        heads: Int = 4, layers: Int = 4, feedForward: Int = 2048, inputTokens: Int,
        outputTokens: Int, outputWidth: Int, hiddenLayers: [Int] = [-1]
    ) {
        self.mode = mode
        self.hiddenSize = hiddenSize
        self.innerWidth = innerWidth
        self.heads = heads
        self.layers = layers
        self.feedForward = feedForward
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.outputWidth = outputWidth
        self.hiddenLayers = hiddenLayers
    }

    /// As published: for Stable Diffusion 1.5, AudioLDM and ZeroScope.
    public static func published(
        _ modality: Modality, hiddenSize: Int = 4096, mode: OutputProjectionMode = .transformer
    ) -> OutputProjectionConfig {
        let (inputTokens, outputTokens, outputWidth) =
            switch modality {
            case .image: (4, 77, 768)
            case .audio: (8, 1, 512)
            case .video: (24, 77, 1024)
            }
        var config = OutputProjectionConfig(
            mode: mode, hiddenSize: hiddenSize, inputTokens: inputTokens,
            outputTokens: outputTokens, outputWidth: outputWidth)
        if mode == .qformer {
            (config.innerWidth, config.heads, config.layers) = (768, 12, 2)
            config.feedForward = 3072
        }
        return config
    }

    /// - Throws: `ConfigError` for sizes no projection can have
    func validate() throws {
        let network = "output projection"
        try ConfigError.require(
            network,
            sizes: [
                "hidden_size": hiddenSize, "inner_width": innerWidth, "heads": heads,
                "layers": layers, "feed_forward": feedForward, "input_tokens": inputTokens,
                "output_tokens": outputTokens, "output_width": outputWidth,
                "hidden_layers (their number)": hiddenLayers.count,
            ])
        try ConfigError.require(network, "inner_width", innerWidth, multipleOf: heads)
    }
}

/// Signal tokens to conditioning: the sum of a projection for each layer that is read.
///
/// - Checkpoint: `gen_text_hidden_fcs.{i}` for images, with `_audio` and `_video` for the others
public struct OutputProjection: Sendable {
    /// The sizes it was built with.
    public let config: OutputProjectionConfig
    private let layers: [OutputProjectionLayer]

    /// Reads or draws the weights of one modality; `weights` is the view that has all of them.
    ///
    /// - Throws: `ConfigError`, `CheckpointError`
    public init(
        _ config: OutputProjectionConfig, _ modality: Modality, from weights: Weights
    ) throws {
        try config.validate()
        self.config = config
        let view = weights[OutputProjection.name(of: modality)]
        layers = try config.hiddenLayers.indices.map {
            try OutputProjectionLayer(config, from: view[$0])
        }
    }

    /// What files may hold beside a projection, as patterns.
    public static let unusedTensors = [QFormer.unused]

    /// What the tensors of a modality's projection begin with.
    public static func name(of modality: Modality) -> String {
        switch modality {
        case .image: "gen_text_hidden_fcs"
        case .audio: "gen_text_hidden_fcs_audio"
        case .video: "gen_text_hidden_fcs_video"
        }
    }

    /// The conditioning of each span.
    ///
    /// - Shapes: `states`, one for each of `config.hiddenLayers`, and `embeddings`, the signal
    ///   tokens' rows of the embedding table: `[batch, inputTokens, hiddenSize]` →
    ///   `[batch, outputTokens, outputWidth]`
    public func callAsFunction(_ states: [Tensor], embeddings: Tensor) -> Tensor {
        precondition(
            states.count == layers.count
                && states.allSatisfy { $0.shape == embeddings.shape }
                && Array(embeddings.shape.dropFirst()) == [config.inputTokens, config.hiddenSize],
            "OutputProjection: states \(states.map(\.shape)), embeddings \(embeddings.shape), "
                + "expected \(layers.count) of [batch, \(config.inputTokens), \(config.hiddenSize)]"
        )
        let parts = zip(layers, states).map { layer, x in layer(x, embeddings: embeddings) }
        return parts.dropFirst().reduce(parts[0], +)
    }
}

/// The projection of one layer's states.
private enum OutputProjectionLayer: Sendable {
    case transformer(SpanReader)
    case qFormer(QFormer)
    case linear(TokenMap)

    init(_ config: OutputProjectionConfig, from weights: Weights) throws {
        switch config.mode {
        case .transformer: self = .transformer(try SpanReader(config, from: weights))
        case .qformer: self = .qFormer(try QFormer(config, from: weights))
        case .linear: self = .linear(try TokenMap(config, from: weights))
        }
    }

    func callAsFunction(_ states: Tensor, embeddings: Tensor) -> Tensor {
        switch self {
        case .transformer(let reader): reader(states, embeddings: embeddings)
        case .qFormer(let reader): reader(states, embeddings: embeddings)
        case .linear(let map): map(states)
        }
    }
}

/// The transformer mode: a learnt query for each output token reads the whole span.
struct SpanReader: Sendable {
    private let narrow: Linear
    private let transformer: QueryTransformer
    private let queries: Parameter
    private let widen: Linear

    init(_ config: OutputProjectionConfig, from weights: Weights) throws {
        let inner = config.innerWidth
        narrow = try Linear(config.hiddenSize, inner, from: weights["fc"])
        transformer = try QueryTransformer(config, from: weights["tfm"])
        queries = try weights.parameter(
            "query_embs", [1, config.outputTokens, inner], initial: .normal(1))
        widen = try Linear(inner, config.outputWidth, from: weights["model"])
    }

    func callAsFunction(_ states: Tensor, embeddings: Tensor) -> Tensor {
        let start = queries.value.real
        let target = start.broadcast(to: [states.shape[0], start.shape[1], start.shape[2]])
        return widen(transformer(narrow(states + embeddings), target))
    }
}

/// The linear mode: every token by itself, cut to the tokens wanted or filled with zeros.
struct TokenMap: Sendable {
    private let outputTokens: Int
    private let map: Linear

    init(_ config: OutputProjectionConfig, from weights: Weights) throws {
        outputTokens = config.outputTokens
        map = try Linear(config.hiddenSize, config.outputWidth, from: weights["model"])
    }

    func callAsFunction(_ states: Tensor) -> Tensor {
        let mapped = map(states.sliced(1, 0..<min(outputTokens, states.shape[1])))
        let lacking = outputTokens - mapped.shape[1]
        return lacking == 0 ? mapped : mapped.padded([(0, 0), (0, lacking), (0, 0)])
    }
}
