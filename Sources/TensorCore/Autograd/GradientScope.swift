/// Whether operations are recorded here.
package enum GradientScope {
    @TaskLocal package static var isOpen = false
}

/// Records what `body` computes from trainable parameters and from tensors made
/// `differentiable()`, so that its results have gradients: see `Tensor.backward(scale:)`.
///
/// Outside such a scope parameters are plain tensors, nothing is recorded and nothing kept.
public func withGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    try GradientScope.$isOpen.withValue(true, operation: body)
}

/// Computes `body` unrecorded inside a gradient scope, as its results were constants.
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    try GradientScope.$isOpen.withValue(false, operation: body)
}

extension DType {
    /// Whether small changes of an element mean something: real numbers, but not in blocks.
    var takesGradients: Bool { isFloatingPoint && !isBlocked }
}

extension Tensor {
    /// Whether a gradient can reach this tensor.
    package var isTracked: Bool { node != nil }

    /// The same elements as a constant: no gradient passes.
    public func detached() -> Tensor { node == nil ? self : with(node: nil) }

    /// The same elements as an input whose gradient is wanted: `gradients[x]` after `backward`.
    /// Inside a gradient scope only; elsewhere it stays a constant.
    public func differentiable() -> Tensor {
        precondition(dtype.takesGradients, "differentiable: a tensor of \(dtype)")
        return GradientScope.isOpen ? with(node: GradientNode(leaf: self)) : detached()
    }
}
