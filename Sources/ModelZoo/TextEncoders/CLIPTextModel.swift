// CLIP's text transformer, which turns prompts into the context of image and video UNets.
// Paper: Radford et al. 2021, arXiv:2103.00020. Reference: transformers, modeling_clip.py.
// Checkpoint: `text_encoder` of Stable Diffusion 1 (ViT-L/14) and of ZeroScope (ViT-H/14 without
// its last layer), names as published.

public import TensorCore

/// The sizes of a CLIP text transformer, as in its `config.json`.
public struct CLIPTextConfig: Codable, Equatable, Sendable {
    public var vocabSize: Int
    public var hiddenSize: Int
    public var intermediateSize: Int
    public var numHiddenLayers: Int
    public var numAttentionHeads: Int
    public var maxPositionEmbeddings: Int
    /// `quick_gelu` for OpenAI's weights, `gelu` for OpenCLIP's.
    public var hiddenAct: String
    public var layerNormEps: Float?

    /// An encoder of these sizes.
    public init(
        vocabSize: Int, hiddenSize: Int, intermediateSize: Int, numHiddenLayers: Int,
        numAttentionHeads: Int, maxPositionEmbeddings: Int, hiddenAct: String
    ) {
        (self.vocabSize, self.hiddenSize) = (vocabSize, hiddenSize)
        (self.intermediateSize, self.numHiddenLayers) = (intermediateSize, numHiddenLayers)
        self.numAttentionHeads = numAttentionHeads
        self.maxPositionEmbeddings = maxPositionEmbeddings
        self.hiddenAct = hiddenAct
    }

    /// The variance of every normalisation, 1e-5 unless given.
    public var epsilon: Float { layerNormEps ?? 1e-5 }
}

/// Token ids to one state a token.
///
/// - Shapes: integers `[batch, time]` → `[batch, time, hiddenSize]`
public struct CLIPTextModel: Sendable {
    /// Tensors that some releases carry and no release uses here.
    public static let unused = ["*position_ids", "text_projection.weight", "logit_scale"]

    public let config: CLIPTextConfig
    let tokens: Embedding
    let positions: Embedding
    let layers: [CLIPLayer]
    let finalNorm: LayerNorm

    /// Reads or draws the weights, with or without the leading `text_model`.
    ///
    /// - Throws: `CheckpointError` where the file or the config disagrees
    public init(_ config: CLIPTextConfig, from weights: Weights) throws {
        self.config = config
        try ConfigError.require(
            "CLIP text encoder", "num_hidden_layers", config.numHiddenLayers, in: 1...1024)
        // A prompt has at least its two marks.
        try ConfigError.require(
            "CLIP text encoder", "max_position_embeddings", config.maxPositionEmbeddings,
            in: 2...65536)
        let bare = weights.contains("embeddings.token_embedding.weight")
        let model = bare ? weights : weights["text_model"]
        let (embeddings, width) = (model["embeddings"], config.hiddenSize)
        tokens = try Embedding(config.vocabSize, width, from: embeddings["token_embedding"])
        positions = try Embedding(
            config.maxPositionEmbeddings, width, from: embeddings["position_embedding"])
        layers = try (0..<config.numHiddenLayers).map {
            try CLIPLayer(
                width, config.intermediateSize, heads: config.numAttentionHeads,
                activation: config.hiddenAct, epsilon: config.epsilon,
                from: model["encoder.layers"][$0])
        }
        finalNorm = try LayerNorm(width, epsilon: config.epsilon, from: model["final_layer_norm"])
    }

    /// All rows after the final norm. Padding is not masked: the published encoders see it.
    public func callAsFunction(_ ids: Tensor) -> Tensor {
        let table = positions.weight.value
        let time = ids.shape[1]
        precondition(time <= table.shape[0], "CLIPTextModel: \(time) tokens, \(table.shape[0]) fit")
        let embedded = tokens(ids.on(table.device)) + table.sliced(0, 0..<time)
        return finalNorm(layers.reduce(embedded) { x, layer in layer(x, mask: .causal) })
    }
}

/// The number of heads, if a width divides among them.
func checkedHeads(_ heads: Int, dividing width: Int, _ network: String) throws -> Int {
    try ConfigError.require(network, "hidden_size", width, multipleOf: heads)
    return heads
}

/// The activation that a published config names.
func namedActivation(_ name: String, _ network: String) throws -> Activation {
    let known: [String: Activation] = [
        "quick_gelu": .quickGELU, "gelu": .gelu, "gelu_new": .geluTanh,
        "gelu_pytorch_tanh": .geluTanh, "relu": .relu, "silu": .silu,
    ]
    try ConfigError.require(network, "hidden_act", name, in: known.keys.sorted())
    return known[name] ?? .identity
}
