/// Layer normalisation over the last axis.
///
/// - Checkpoint: `weight [width]`, `bias [width]`
public struct LayerNorm: Sendable {
    let weight: Parameter
    let bias: Parameter
    let epsilon: Float

    /// Reads the scale and shift, or starts them at one and zero.
    public init(_ width: Int, epsilon: Float = 1e-5, from weights: Weights) throws {
        weight = try weights.parameter("weight", [width], initial: .ones)
        bias = try weights.parameter("bias", [width], initial: .zeros)
        self.epsilon = epsilon
    }

    /// Standardises each row.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        x.layerNorm(weight: weight.value, bias: bias.value, epsilon: epsilon)
    }
}

/// Division by the root mean square over the last axis.
///
/// - Checkpoint: `weight [width]`
public struct RMSNorm: Sendable {
    let weight: Parameter
    let epsilon: Float

    /// Reads the scale, or starts it at one.
    public init(_ width: Int, epsilon: Float = 1e-6, from weights: Weights) throws {
        weight = try weights.parameter("weight", [width], initial: .ones)
        self.epsilon = epsilon
    }

    /// Scales each row.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        x.rmsNorm(weight: weight.value, epsilon: epsilon)
    }
}

/// Group normalisation of `[batch, channels, ...]`: statistics over the channels of a group and
/// everything behind them.
///
/// - Checkpoint: `weight [channels]`, `bias [channels]`
public struct GroupNorm: Sendable {
    let groups: Int
    let weight: Parameter
    let bias: Parameter
    let epsilon: Float

    /// Reads the scale and shift, or starts them at one and zero.
    public init(_ groups: Int, _ channels: Int, epsilon: Float = 1e-5, from weights: Weights)
        throws
    {
        self.groups = groups
        weight = try weights.parameter("weight", [channels], initial: .ones)
        bias = try weights.parameter("bias", [channels], initial: .zeros)
        self.epsilon = epsilon
    }

    /// Standardises each group, then applies `activation`.
    public func callAsFunction(_ x: Tensor, activation: Activation = .identity) -> Tensor {
        x.groupNorm(
            groups: groups, weight: weight.value, bias: bias.value, epsilon: epsilon,
            activation: activation)
    }
}
