public import TensorCore

/// How the parameters of a run are moved: AdamW, how its gradients are scaled, and how its work is
/// spread over the ranks. The defaults are PyTorch's.
public struct OptimizerConfig: Codable, Equatable, Sendable {
    /// How fast the mean of the gradient forgets.
    public var beta1 = 0.9
    /// How fast the mean of its square forgets.
    public var beta2 = 0.999
    /// Added to the root of that mean.
    public var epsilon = 1e-8
    /// Decoupled decay of every group that names none of its own.
    public var weightDecay = 0.01
    /// A factor on the loss.
    public var lossScale = LossScale.none
    /// ZeRO-2: each rank keeps gradients and optimiser state of its share of the parameters only.
    /// Without effect on one rank.
    public var partitionsState = false
    /// The type in which ranks add up gradients: `float32`, or `bfloat16` at half the traffic.
    public var reduction = DType.float32
    /// Elements that ranks exchange at once; smaller ones start earlier in the backward pass.
    public var bucketLength = 1 << 23

    /// PyTorch's defaults, on every rank alike.
    public init() {}
}
