// The convolutions that UNets and image autoencoders are made of.
// Reference: diffusers, resnet.py, downsampling.py and upsampling.py.

package import TensorCore

/// Two convolutions around which the input is added; between them the timestep comes in.
///
/// - Shapes: `[batch, inputs, height, width]` → `[batch, outputs, height, width]`;
///   `embedding [batch or 1, embedding]`, already activated
/// - Checkpoint: `norm1 conv1 time_emb_proj norm2 conv2`, `conv_shortcut` where the width changes
package struct ResnetBlock: Sendable {
    let norm1: GroupNorm
    let conv1: Convolution
    let embeddingProjection: Linear?
    let norm2: GroupNorm
    let conv2: Convolution
    let shortcut: Convolution?

    package init(
        _ inputs: Int, _ outputs: Int, embedding: Int? = nil, groups: Int, epsilon: Float,
        from weights: Weights
    ) throws {
        norm1 = try GroupNorm(groups, inputs, epsilon: epsilon, from: weights["norm1"])
        conv1 = try Convolution(
            inputs, outputs, kernel: [3, 3], padding: [1, 1], from: weights["conv1"])
        embeddingProjection = try embedding.map {
            try Linear($0, outputs, from: weights["time_emb_proj"])
        }
        norm2 = try GroupNorm(groups, outputs, epsilon: epsilon, from: weights["norm2"])
        conv2 = try Convolution(
            outputs, outputs, kernel: [3, 3], padding: [1, 1], from: weights["conv2"])
        shortcut =
            inputs == outputs
            ? nil
            : try Convolution(inputs, outputs, kernel: [1, 1], from: weights["conv_shortcut"])
    }

    package func callAsFunction(_ x: Tensor, embedding: Tensor? = nil) -> Tensor {
        var y = conv1(norm1(x, activation: .silu))
        if let embeddingProjection, let embedding {
            y = y + embeddingProjection(embedding).unsqueezed(-1).unsqueezed(-1)
        }
        y = conv2(norm2(y, activation: .silu))
        return (shortcut?(x) ?? x) + y
    }
}

/// Half the height and width, by a convolution of stride two.
///
/// - Shapes: `[batch, channels, n, m]` → `⌈n/2⌉` where both sides are padded, `⌊n/2⌋` where only
///   the right and the bottom are (autoencoders)
/// - Checkpoint: `conv`, or `op` or `Conv2d_0` in the first releases
package struct Downsample: Sendable {
    let conv: Convolution

    package init(_ channels: Int, padsBothSides: Bool, from weights: Weights) throws {
        let before = padsBothSides ? 1 : 0
        conv = try Convolution(
            channels, channels, kernel: [3, 3],
            ConvolutionGeometry(
                stride: [2, 2], before: [before, before], after: [1, 1], dilation: [1, 1]),
            from: weights.firstPresent("conv", "op", "Conv2d_0"))
    }

    package func callAsFunction(_ x: Tensor) -> Tensor { conv(x) }
}

/// Every pixel repeated, then a convolution.
///
/// - Shapes: `[batch, channels, n, m]` → `[batch, channels] + sizes`, twice as large by default
/// - Checkpoint: `conv`
package struct Upsample: Sendable {
    let conv: Convolution

    package init(_ channels: Int, from weights: Weights) throws {
        conv = try Convolution(
            channels, channels, kernel: [3, 3], padding: [1, 1], from: weights["conv"])
    }

    package func callAsFunction(_ x: Tensor, to sizes: [Int]? = nil) -> Tensor {
        conv(x.resizedNearest(to: sizes ?? [2 * x.shape[2], 2 * x.shape[3]]))
    }
}
