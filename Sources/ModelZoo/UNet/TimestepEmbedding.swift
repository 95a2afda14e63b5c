package import TensorCore

/// Where on the noise schedule a latent stands, as a vector: sinusoids, then two linear maps.
///
/// - Checkpoint: `linear_1`, `linear_2`, and `cond_proj` in networks distilled for a guidance
struct TimestepEmbedding: Sendable {
    let width: Int
    let cosineFirst: Bool
    let frequencyShift: Float
    let conditionProjection: Linear?
    let linear1: Linear
    let linear2: Linear

    init(_ config: UNetConfig, from weights: Weights) throws {
        let width = config.blockOutChannels[0]
        self.width = width
        cosineFirst = config.flipSinToCos ?? true
        frequencyShift = config.freqShift ?? 0
        linear1 = try Linear(width, 4 * width, from: weights["linear_1"])
        conditionProjection = try config.timeCondProjDim.map {
            try Linear($0, width, bias: false, from: weights["cond_proj"])
        }
        linear2 = try Linear(4 * width, 4 * width, from: weights["linear_2"])
    }

    /// - Shapes: `timesteps [batch or 1]`, `condition [batch or 1, timeCondProjDim]` →
    ///   `[batch or 1, 4 · width]`
    func callAsFunction(_ timesteps: [Float], condition: Tensor?, device: Device) -> Tensor {
        var x = sinusoids(
            of: timesteps, width: width, cosineFirst: cosineFirst, frequencyShift: frequencyShift,
            device: device)
        if let conditionProjection, let condition { x = x + conditionProjection(condition) }
        return linear2(linear1(x, activation: .silu))
    }
}

/// The sinusoidal embeddings of timesteps: `[timesteps, width]`, one half cosines and one half sines
/// of `t · 10000^(−k / (width/2 − shift))`.
///
/// In `float32` throughout, as the original: at t = 999 its rounding shows in the fifth digit.
package func sinusoids(
    of timesteps: [Float], width: Int, cosineFirst: Bool = true, frequencyShift: Float = 0,
    device: Device = .cpu
) -> Tensor {
    let logarithmOf10000: Float = 9.2103404
    let half = width / 2
    let exponents = (0..<half).map { k in
        -logarithmOf10000 * Float(k) / (Float(half) - frequencyShift)
    }
    let angles =
        Tensor(exponents, [1, half], device: device).exp()
        * Tensor(timesteps, [timesteps.count, 1], device: device)
    let (cosines, sines) = (angles.cos(), angles.sin())
    return Tensor.concatenate(cosineFirst ? [cosines, sines] : [sines, cosines], axis: 1)
}
