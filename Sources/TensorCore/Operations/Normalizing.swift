// Standardising by mean and variance, as functions; the layers in `Layers/` hold the weights.

/// Rows and groups standardised.
package protocol NormalizingPrimitives {
    /// `(x − mean) / √(variance + ε) · weight + bias` over the last axis of `[outer, inner]`;
    /// biased variance; `weight` and `bias` dense `[inner]`.
    func layerNorm(_ x: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Float) -> Tensor
    /// `x / √(mean(x²) + ε) · weight` over the last axis of `[outer, inner]`.
    func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Float) -> Tensor
    /// Group normalisation of `x [batch, channels, inner]` with statistics over the channels of
    /// a group and all of `inner`, then `activation`; `weight`, `bias` dense `[channels]`.
    func groupNorm(
        _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Float,
        activation: Activation
    ) -> Tensor
}

extension Tensor {
    /// Layer normalisation over the last axis; biased variance.
    public func layerNorm(weight: Tensor?, bias: Tensor?, epsilon: Float) -> Tensor {
        checkNorm("layerNorm", axis: -1, weight, bias)
        return backend.layerNorm(
            real.lastAxisRows, weight: weight?.real.dense(), bias: bias?.real.dense(),
            epsilon: epsilon
        ).reshaped(shape)
    }

    /// Division by the root mean square over the last axis.
    public func rmsNorm(weight: Tensor, epsilon: Float) -> Tensor {
        checkNorm("rmsNorm", axis: -1, weight, nil)
        return backend.rmsNorm(
            real.lastAxisRows, weight: weight.real.dense(), epsilon: epsilon
        ).reshaped(shape)
    }

    /// Group normalisation of `[batch, channels, …]` and an activation after it.
    public func groupNorm(
        groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Float,
        activation: Activation = .identity
    ) -> Tensor {
        precondition(
            rank >= 2 && shape[1] % groups == 0, "groupNorm: \(shape) in \(groups) groups")
        checkNorm("groupNorm", axis: 1, weight, bias)
        let rows = real.reshaped([shape[0], shape[1], shape.dropFirst(2).reduce(1, *)])
        return backend.groupNorm(
            rows, groups: groups, weight: weight?.real.dense(), bias: bias?.real.dense(),
            epsilon: epsilon, activation: activation
        ).reshaped(shape)
    }

    private func checkNorm(_ name: String, axis: Int, _ weight: Tensor?, _ bias: Tensor?) {
        let width = shape[shape.axisIndex(axis)]
        for vector in [weight, bias] {
            precondition(
                vector.map { $0.shape == [width] } ?? true,
                "\(name): \(shape) with a weight or bias of \(vector?.shape ?? [])")
        }
    }
}
