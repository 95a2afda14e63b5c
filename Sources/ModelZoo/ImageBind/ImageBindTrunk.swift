import TensorCore

/// The blocks of one tower.
///
/// - Shapes: `[batch, tokens, width]` → the same
struct ImageBindTrunk: Sendable {
    private let preNorm: LayerNorm?
    private let blocks: [ImageBindBlock]

    init(_ config: ImageBindTrunkConfig, from weights: Weights) throws {
        preNorm =
            config.preNorm
            ? try LayerNorm(config.width, epsilon: 1e-6, from: weights["pre_transformer_layer"][0])
            : nil
        blocks = try (0..<config.blocks).map {
            try ImageBindBlock(config, from: weights["blocks"][$0])
        }
    }

    /// - Parameter mask: which tokens a token sees; the text tower's see those before them
    func callAsFunction(_ tokens: Tensor, mask: AttentionMask = .none) -> Tensor {
        blocks.reduce(preNorm?(tokens) ?? tokens) { x, block in block(x, mask: mask) }
    }
}

/// Attention and an inner layer, each after a norm and added to what came in.
struct ImageBindBlock: Sendable {
    private let attentionNorm: LayerNorm
    private let attention: ImageBindAttention
    private let mlpNorm: LayerNorm
    private let expand: Linear
    private let contract: Linear

    init(_ config: ImageBindTrunkConfig, from weights: Weights) throws {
        let (width, inner) = (config.width, config.width * config.mlpRatio)
        attentionNorm = try LayerNorm(width, epsilon: 1e-6, from: weights["norm_1"])
        attention = try ImageBindAttention(config, from: weights["attn"])
        mlpNorm = try LayerNorm(width, epsilon: 1e-6, from: weights["norm_2"])
        expand = try Linear(width, inner, from: weights["mlp"]["fc1"])
        contract = try Linear(inner, width, from: weights["mlp"]["fc2"])
    }

    func callAsFunction(_ tokens: Tensor, mask: AttentionMask) -> Tensor {
        let x = attention(attentionNorm(tokens), residual: tokens, mask: mask)
        return contract(expand(mlpNorm(x), activation: .gelu), residual: x)
    }
}

/// Self-attention; in towers that have them, a learnt key and value stand beside the tokens'.
struct ImageBindAttention: Sendable {
    private let heads: Int
    private let queriesKeysValues: Linear
    private let biasKey: Parameter?
    private let biasValue: Parameter?
    private let output: Linear

    init(_ config: ImageBindTrunkConfig, from weights: Weights) throws {
        let width = config.width
        heads = config.heads
        // Stored fused: rows of the queries, then of the keys, then of the values.
        queriesKeysValues = Linear(
            weight: try weights.parameter(
                "in_proj_weight", [3 * width, width], initial: .xavierUniform),
            bias: try weights.parameter("in_proj_bias", [3 * width]))
        biasKey =
            config.keyValueBias
            ? try weights.parameter("bias_k", [1, 1, width], initial: .normal(0.02)) : nil
        biasValue =
            config.keyValueBias
            ? try weights.parameter("bias_v", [1, 1, width], initial: .normal(0.02)) : nil
        output = try Linear(width, width, from: weights["out_proj"])
    }

    func callAsFunction(_ tokens: Tensor, residual: Tensor, mask: AttentionMask) -> Tensor {
        let parts = queriesKeysValues(tokens).split(3, axis: -1).map { $0.splitHeads(heads) }
        let mixed = TensorCore.attention(parts[0], parts[1], parts[2], mask: mask, bias: bias)
        return output(mixed, residual: residual)
    }

    /// The learnt key and value by head, the same for every sample.
    private var bias: (key: Tensor, value: Tensor)? {
        guard let biasKey, let biasValue else { return nil }
        return (biasKey.value.reshaped(heads, -1), biasValue.value.reshaped(heads, -1))
    }
}
