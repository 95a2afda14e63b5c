// The transformers inside a UNet. Paper: Rombach et al. 2022, arXiv:2112.10752.
// Reference: diffusers, transformer_2d.py and attention.py.

package import TensorCore

/// One transformer block over the pixels of a picture; the text comes in by cross-attention.
///
/// - Shapes: `[batch, channels, height, width]` → the same; `context [n, tokens, context]`, where
///   each of the n contexts is shared by `batch / n` pictures in a row (the frames of a clip)
/// - Checkpoint: `norm proj_in transformer_blocks.0 proj_out`
package struct SpatialTransformer: Sendable {
    let norm: GroupNorm
    let projectionIn: PixelMap
    let block: TransformerBlock
    let projectionOut: PixelMap

    package init(
        _ channels: Int, heads: Int, context: Int?, groups: Int, linear: Bool,
        from weights: Weights
    ) throws {
        norm = try GroupNorm(groups, channels, epsilon: 1e-6, from: weights["norm"])
        projectionIn = try PixelMap(
            channels, channels, linear: linear, from: weights["proj_in"])
        block = try TransformerBlock(
            channels, heads: heads, context: context, from: weights["transformer_blocks"][0])
        projectionOut = try PixelMap(
            channels, channels, linear: linear, from: weights["proj_out"])
    }

    package func callAsFunction(_ x: Tensor, context: Tensor?) -> Tensor {
        let pixels = norm(x).flattened(2...3).transposed()
        let y = projectionOut(block(projectionIn(pixels), context: context))
        return x + y.transposed().reshaped(x.shape)
    }
}

/// Self-attention, cross-attention and a gated feed-forward, each on normalised input and added.
///
/// - Shapes: `[batch, tokens, width]` → the same
/// - Checkpoint: `norm1 attn1 norm2 attn2 norm3 ff`
struct TransformerBlock: Sendable {
    let norm1: LayerNorm
    let selfAttention: MultiHeadAttention
    let norm2: LayerNorm
    let crossAttention: MultiHeadAttention
    let norm3: LayerNorm
    let feedForward: GatedFeedForward

    /// `context` is the width of what the second attention attends to; nil is the input's own.
    init(_ width: Int, heads: Int, context: Int? = nil, from weights: Weights) throws {
        norm1 = try LayerNorm(width, from: weights["norm1"])
        selfAttention = try MultiHeadAttention(width, heads: heads, from: weights["attn1"])
        norm2 = try LayerNorm(width, from: weights["norm2"])
        crossAttention = try MultiHeadAttention(
            width, heads: heads, context: context, from: weights["attn2"])
        norm3 = try LayerNorm(width, from: weights["norm3"])
        feedForward = try GatedFeedForward(width, from: weights["ff"])
    }

    func callAsFunction(_ x: Tensor, context: Tensor? = nil) -> Tensor {
        var x = selfAttention(norm1(x), residual: x)
        x = crossAttention(norm2(x), context: context, residual: x)
        return feedForward(norm3(x), residual: x)
    }
}

/// Attention of tokens to themselves or to a context.
///
/// - Shapes: `[batch, tokens, width]` → the same; `context [n, others, context]`, each row shared
///   by `batch / n` rows of tokens
/// - Checkpoint: `to_q to_k to_v` without bias, `to_out.0`
struct MultiHeadAttention: Sendable {
    let heads: Int
    let query: Linear
    let key: Linear
    let value: Linear
    let output: Linear

    init(_ width: Int, heads: Int, context: Int? = nil, from weights: Weights) throws {
        self.heads = heads
        query = try Linear(width, width, bias: false, from: weights["to_q"])
        key = try Linear(context ?? width, width, bias: false, from: weights["to_k"])
        value = try Linear(context ?? width, width, bias: false, from: weights["to_v"])
        output = try Linear(width, width, from: weights["to_out"][0])
    }

    func callAsFunction(_ x: Tensor, context: Tensor? = nil, residual: Tensor) -> Tensor {
        let others = context ?? x
        // Queries do not see each other, so frames that share a context may lie in one row.
        let queries = query(x).reshaped([others.shape[0], -1, x.shape[2]])
        let attended = attention(
            queries.splitHeads(heads), key(others).splitHeads(heads),
            value(others).splitHeads(heads))
        return output(attended.reshaped(x.shape), residual: residual)
    }
}

/// A feed-forward whose inner values are gated by a GELU of as many others.
///
/// - Shapes: `[…, width]` → the same, inner width four times that
/// - Checkpoint: `net.0.proj`, `net.2` (`net.1` is a dropout)
struct GatedFeedForward: Sendable {
    let inner: Linear
    let outer: Linear

    init(_ width: Int, from weights: Weights) throws {
        inner = try Linear(width, 8 * width, from: weights["net.0.proj"])
        outer = try Linear(4 * width, width, from: weights["net.2"])
    }

    func callAsFunction(_ x: Tensor, residual: Tensor) -> Tensor {
        let halves = inner(x).split(2, axis: -1)
        return outer(halves[0].gated(by: halves[1], .gelu), residual: residual)
    }
}

/// A linear map of each pixel's channels that files store as a matrix or as a 1×1 convolution.
///
/// - Shapes: `[batch, pixels, inputs]` → `[batch, pixels, outputs]`
/// - Checkpoint: `weight [outputs, inputs]` or `[outputs, inputs, 1, 1]`, `bias [outputs]`
struct PixelMap: Sendable {
    let weight: Parameter
    let bias: Parameter

    init(_ inputs: Int, _ outputs: Int, linear: Bool, from weights: Weights) throws {
        let (matrix, filters) = ([outputs, inputs], [outputs, inputs, 1, 1])
        weight = try weights.parameter(
            "weight", linear ? matrix : filters, or: [linear ? filters : matrix],
            initial: .kaimingUniform)
        bias = try weights.parameter("bias", [outputs], initial: .uniformByFan(inputs))
    }

    func callAsFunction(_ x: Tensor, residual: Tensor? = nil) -> Tensor {
        let filters = weight.value
        return x.linear(
            filters.reshaped([filters.shape[0], filters.shape[1]]), bias: bias.value,
            residual: residual)
    }
}
