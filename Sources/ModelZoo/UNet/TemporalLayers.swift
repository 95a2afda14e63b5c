// The layers that look across the frames of a clip.
// Paper: Wang et al. 2023, arXiv:2308.06571. Reference: diffusers, transformer_temporal.py and
// `TemporalConvLayer` of resnet.py.

package import TensorCore

/// One transformer block over the frames, for each pixel alone. It knows no order of frames.
///
/// - Shapes: `[batch · frames, channels, height, width]` → the same
/// - Checkpoint: `norm proj_in transformer_blocks.0 proj_out`; both attentions of the block attend
///   to the frames
package struct TemporalTransformer: Sendable {
    let norm: GroupNorm
    let projectionIn: Linear
    let block: TransformerBlock
    let projectionOut: Linear

    package init(_ channels: Int, heads: Int, headSize: Int, groups: Int, from weights: Weights)
        throws
    {
        let inner = heads * headSize
        norm = try GroupNorm(groups, channels, epsilon: 1e-6, from: weights["norm"])
        projectionIn = try Linear(channels, inner, from: weights["proj_in"])
        block = try TransformerBlock(inner, heads: heads, from: weights["transformer_blocks"][0])
        projectionOut = try Linear(inner, channels, from: weights["proj_out"])
    }

    package func callAsFunction(_ x: Tensor, frames: Int) -> Tensor {
        let clips = x.unfoldingFrames(frames).flattened(3...4)
        let (batch, channels, pixels) = (clips.shape[0], clips.shape[1], clips.shape[3])
        let tokens = norm(clips).permuted(0, 3, 2, 1).flattened(0...1)
        let y = projectionOut(block(projectionIn(tokens)))
            .reshaped([batch, pixels, frames, channels]).permuted(0, 2, 3, 1)
        return (x.reshaped(y.shape) + y).reshaped(x.shape)
    }
}

/// Four convolutions over three frames each, around which the input is added.
///
/// - Shapes: `[batch · frames, channels, height, width]` → the same
/// - Checkpoint: `conv1.0` and `conv1.2`, then `convk.0` and `convk.3` for k = 2, 3, 4 (whose
///   index 2 is a dropout): a norm of always 32 groups, and a convolution
package struct TemporalConvolution: Sendable {
    let stages: [(norm: GroupNorm, conv: Convolution)]

    package init(_ channels: Int, from weights: Weights) throws {
        stages = try (1...4).map { stage in
            let layers = weights["conv\(stage)"]
            return (
                try GroupNorm(32, channels, from: layers[0]),
                try Convolution(
                    channels, channels, kernel: [3, 1, 1], padding: [1, 0, 0],
                    from: layers[stage == 1 ? 2 : 3])
            )
        }
    }

    package func callAsFunction(_ x: Tensor, frames: Int) -> Tensor {
        let y = stages.reduce(x.unfoldingFrames(frames)) { y, stage in
            stage.conv(stage.norm(y, activation: .silu))
        }.transposed(1, 2)
        return (x.reshaped(y.shape) + y).reshaped(x.shape)
    }
}

extension Tensor {
    /// `[batch · frames, channels, height, width]` as `[batch, channels, frames, height, width]`.
    fileprivate func unfoldingFrames(_ frames: Int) -> Tensor {
        precondition(shape[0] % frames == 0, "unfoldingFrames: \(shape) by \(frames)")
        return reshaped([shape[0] / frames, frames] + shape.dropFirst()).transposed(1, 2)
    }
}
