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
    /// The gradients of `layerNorm` from that of its result, `[outer, inner]`.
    func layerNormGradient(
        _ x: Tensor, weight: Tensor?, epsilon: Float, gradient: Tensor
    ) -> NormGradients
    /// The gradients of `rmsNorm`; no bias.
    func rmsNormGradient(
        _ x: Tensor, weight: Tensor, epsilon: Float, gradient: Tensor
    ) -> NormGradients
    /// The gradients of `groupNorm`, activation included.
    func groupNormGradient(
        _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Float,
        activation: Activation, gradient: Tensor
    ) -> NormGradients
}

/// The gradients of a normalisation's operand, and of its weight and bias whether it has them or
/// not.
package struct NormGradients {
    package var x: Tensor
    package var weight: Tensor
    package var bias: Tensor?
}

extension Tensor {
    /// Layer normalisation over the last axis; biased variance.
    public func layerNorm(weight: Tensor?, bias: Tensor?, epsilon: Float) -> Tensor {
        checkNorm("layerNorm", axis: -1, weight, bias)
        let (rows, scale, shift) = (real.lastAxisRows, weight?.real, bias?.real)
        let (x, w) = (rows.detached(), scale?.detached().dense())
        return backend.layerNorm(
            x, weight: w, bias: shift?.detached().dense(), epsilon: epsilon
        ).recorded(from: [rows, scale, shift]) {
            let found = $0.backend.layerNormGradient(
                x, weight: w, epsilon: epsilon, gradient: $0)
            return [found.x, found.weight, found.bias]
        }.reshaped(shape)
    }

    /// Division by the root mean square over the last axis.
    public func rmsNorm(weight: Tensor, epsilon: Float) -> Tensor {
        checkNorm("rmsNorm", axis: -1, weight, nil)
        let (rows, scale) = (real.lastAxisRows, weight.real)
        let (x, w) = (rows.detached(), scale.detached().dense())
        return backend.rmsNorm(x, weight: w, epsilon: epsilon).recorded(from: [rows, scale]) {
            let found = $0.backend.rmsNormGradient(x, weight: w, epsilon: epsilon, gradient: $0)
            return [found.x, found.weight]
        }.reshaped(shape)
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
        let (scale, shift) = (weight?.real, bias?.real)
        let x = rows.detached()
        let (w, b) = (scale?.detached().dense(), shift?.detached().dense())
        return backend.groupNorm(
            x, groups: groups, weight: w, bias: b, epsilon: epsilon, activation: activation
        ).recorded(from: [rows, scale, shift]) {
            let found = $0.backend.groupNormGradient(
                x, groups: groups, weight: w, bias: b, epsilon: epsilon, activation: activation,
                gradient: $0)
            return [found.x, found.weight, found.bias]
        }.reshaped(shape)
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
