internal import Synchronization

/// Whether operations are recorded here.
package enum GradientScope {
    enum Mode {
        case closed, open
        /// Closed, but what would have a gradient is noted: it will be computed again.
        case noting(UsedParameters)
    }

    @TaskLocal static var mode = Mode.closed

    package static var isOpen: Bool {
        if case .open = mode { true } else { false }
    }
}

/// The trainable parameters that a computation used.
final class UsedParameters: Sendable {
    private let state = Mutex<(seen: Set<ObjectIdentifier>, list: [Parameter])>(([], []))

    func note(_ parameter: Parameter) {
        state.withLock {
            if $0.seen.insert(ObjectIdentifier(parameter)).inserted { $0.list.append(parameter) }
        }
    }

    /// In the order of their first use.
    var parameters: [Parameter] { state.withLock(\.list) }
}

/// Records what `body` computes from trainable parameters and from tensors made
/// `differentiable()`, so that its results have gradients: see `Tensor.backward(scale:)`.
///
/// Outside such a scope parameters are plain tensors, nothing is recorded and nothing kept.
public func withGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    try GradientScope.$mode.withValue(.open, operation: body)
}

/// Computes `body` unrecorded inside a gradient scope, as its results were constants.
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    try GradientScope.$mode.withValue(.closed, operation: body)
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
