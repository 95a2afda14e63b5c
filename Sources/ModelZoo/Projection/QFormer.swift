// The Q-Former mode: learnt queries read a span through two layers of BERT's base size.
// Paper: Li et al. 2023 (BLIP-2), arXiv:2301.12597. Reference: transformers, modeling_blip_2.py;
// NExT-GPT 8dd8761, layers.py and qformer.py.

import TensorCore

/// Every query attends to the others, then to the span, then goes through an inner layer; norms come
/// after.
///
/// - Checkpoint: `fc`, `query_tokens`, `Qformer.bert`, `model`
/// - Shapes: `[batch, inputTokens, hiddenSize]` → `[batch, outputTokens, outputWidth]`
struct QFormer: Sendable {
    /// What files may hold beside it.
    static let unused = "*.Qformer.bert.embeddings.position_ids"

    private let narrow: Linear
    private let queries: Parameter
    private let norm: LayerNorm
    private let layers: [QFormerLayer]
    private let widen: Linear

    init(_ config: OutputProjectionConfig, from weights: Weights) throws {
        let inner = config.innerWidth
        narrow = try Linear(config.hiddenSize, inner, from: weights["fc"])
        queries = try weights.parameter(
            "query_tokens", [1, config.outputTokens, inner], initial: .normal(0.02))
        let bert = weights["Qformer.bert"]
        norm = try LayerNorm(
            inner, epsilon: QFormerLayer.epsilon, from: bert["embeddings.LayerNorm"])
        layers = try (0..<config.layers).map {
            try QFormerLayer(config, from: bert["encoder.layer"][$0])
        }
        widen = try Linear(inner, config.outputWidth, from: weights["model"])
    }

    func callAsFunction(_ states: Tensor, embeddings: Tensor) -> Tensor {
        let span = narrow(states + embeddings)
        let start = norm(queries.value.real)
        let target = start.broadcast(to: [states.shape[0], start.shape[1], start.shape[2]])
        return widen(layers.reduce(target) { x, layer in layer(x, reading: span) })
    }
}

/// One layer of the Q-Former.
struct QFormerLayer: Sendable {
    static let epsilon: Float = 1e-12

    private let own: QFormerAttention
    private let reading: QFormerAttention
    private let expand: Linear
    private let contract: Linear
    private let norm: LayerNorm

    init(_ config: OutputProjectionConfig, from weights: Weights) throws {
        let (width, heads) = (config.innerWidth, config.heads)
        own = try QFormerAttention(width, heads, from: weights["attention"])
        reading = try QFormerAttention(width, heads, from: weights["crossattention"])
        expand = try Linear(width, config.feedForward, from: weights["intermediate_query.dense"])
        let output = weights["output_query"]
        contract = try Linear(config.feedForward, width, from: output["dense"])
        norm = try LayerNorm(width, epsilon: QFormerLayer.epsilon, from: output["LayerNorm"])
    }

    func callAsFunction(_ input: Tensor, reading span: Tensor) -> Tensor {
        let x = reading(own(input, over: input), over: span)
        return norm(contract(expand(x, activation: .gelu), residual: x))
    }
}

/// Attention of BERT: its result is added to the queries and normalised.
struct QFormerAttention: Sendable {
    private let heads: Int
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let output: Linear
    private let norm: LayerNorm

    init(_ width: Int, _ heads: Int, from weights: Weights) throws {
        self.heads = heads
        let maps = weights["self"]
        query = try Linear(width, width, from: maps["query"])
        key = try Linear(width, width, from: maps["key"])
        value = try Linear(width, width, from: maps["value"])
        output = try Linear(width, width, from: weights["output.dense"])
        norm = try LayerNorm(
            width, epsilon: QFormerLayer.epsilon, from: weights["output.LayerNorm"])
    }

    func callAsFunction(_ x: Tensor, over other: Tensor) -> Tensor {
        let mixed = attention(
            query(x).splitHeads(heads), key(other).splitHeads(heads),
            value(other).splitHeads(heads))
        return norm(output(mixed, residual: x))
    }
}
