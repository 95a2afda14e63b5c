import TensorCore

/// `torch.nn.Transformer` with norms first: an encoder over a source, a decoder over targets that
/// read it. No positions, no masks.
///
/// - Shapes: source `[batch, m, width]`, target `[batch, n, width]` → `[batch, n, width]`
struct QueryTransformer: Sendable {
    private let encoder: [TransformerLayer]
    private let encoderNorm: LayerNorm
    private let decoder: [TransformerLayer]
    private let decoderNorm: LayerNorm

    init(_ config: OutputProjectionConfig, from weights: Weights) throws {
        let (first, second) = (weights["encoder"], weights["decoder"])
        encoder = try (0..<config.layers).map {
            try TransformerLayer(config, reading: false, from: first["layers"][$0])
        }
        encoderNorm = try LayerNorm(config.innerWidth, from: first["norm"])
        decoder = try (0..<config.layers).map {
            try TransformerLayer(config, reading: true, from: second["layers"][$0])
        }
        decoderNorm = try LayerNorm(config.innerWidth, from: second["norm"])
    }

    func callAsFunction(_ source: Tensor, _ target: Tensor) -> Tensor {
        let memory = encoderNorm(encoder.reduce(source) { x, layer in layer(x) })
        return decoderNorm(decoder.reduce(target) { x, layer in layer(x, reading: memory) })
    }
}

/// One layer of encoder or decoder; the decoder's also reads the encoder's result.
struct TransformerLayer: Sendable {
    private let selfNorm: LayerNorm
    private let selfAttention: FusedAttention
    private let reading: (norm: LayerNorm, attention: FusedAttention)?
    private let innerNorm: LayerNorm
    private let expand: Linear
    private let contract: Linear

    init(_ config: OutputProjectionConfig, reading: Bool, from weights: Weights) throws {
        let (width, heads) = (config.innerWidth, config.heads)
        selfNorm = try LayerNorm(width, from: weights["norm1"])
        selfAttention = try FusedAttention(width, heads, from: weights["self_attn"])
        self.reading =
            reading
            ? (
                try LayerNorm(width, from: weights["norm2"]),
                try FusedAttention(width, heads, from: weights["multihead_attn"])
            ) : nil
        innerNorm = try LayerNorm(width, from: weights[reading ? "norm3" : "norm2"])
        expand = try Linear(width, config.feedForward, from: weights["linear1"])
        contract = try Linear(config.feedForward, width, from: weights["linear2"])
    }

    func callAsFunction(_ input: Tensor, reading memory: Tensor? = nil) -> Tensor {
        let own = selfNorm(input)
        var x = selfAttention(own, over: own, residual: input)
        if let reading, let memory {
            x = reading.attention(reading.norm(x), over: memory, residual: x)
        }
        return contract(expand(innerNorm(x), activation: .relu), residual: x)
    }
}

/// `torch.nn.MultiheadAttention`: queries of one sequence over keys and values of another.
struct FusedAttention: Sendable {
    private let heads: Int
    private let weight: Parameter
    private let bias: Parameter
    private let output: Linear

    init(_ width: Int, _ heads: Int, from weights: Weights) throws {
        self.heads = heads
        // Stored fused: rows of the queries, then of the keys, then of the values.
        weight = try weights.parameter(
            "in_proj_weight", [3 * width, width], initial: .xavierUniform)
        bias = try weights.parameter("in_proj_bias", [3 * width])
        output = try Linear(width, width, from: weights["out_proj"])
    }

    func callAsFunction(_ x: Tensor, over other: Tensor, residual: Tensor) -> Tensor {
        precondition(
            x.shape[2] == other.shape[2], "attention: \(x.shape) over \(other.shape)")
        let weights = weight.value.split(3, axis: 0)
        let biases = bias.value.split(3, axis: 0)
        let (q, k, v) = (
            x.linear(weights[0], bias: biases[0]), other.linear(weights[1], bias: biases[1]),
            other.linear(weights[2], bias: biases[2])
        )
        let mixed = attention(q.splitHeads(heads), k.splitHeads(heads), v.splitHeads(heads))
        return output(mixed, residual: residual)
    }
}
