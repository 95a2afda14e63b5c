import Synchronization

/// A named weight of a network. The one kind of tensor that training changes.
public final class Parameter: Sendable {
    /// The full name, as in the checkpoint.
    public let name: String
    private struct State {
        var value: Tensor
        var isTrainable: Bool
    }

    private let state: Mutex<State>

    /// The weight as it is now; inside a gradient scope, with a gradient where it is trainable.
    public var value: Tensor {
        let (value, isTrainable) = state.withLock { ($0.value, $0.isTrainable) }
        guard isTrainable else { return value }
        switch GradientScope.mode {
        case .closed: return value
        case .open: return value.with(node: GradientNode(leaf: value, of: self))
        case .noting(let used):
            used.note(self)
            return value
        }
    }

    /// Whether gradient scopes record what is computed from it: so for real numbers that are not
    /// in blocks, unless switched off.
    public var isTrainable: Bool {
        get { state.withLock { $0.isTrainable } }
        set {
            state.withLock { state in
                precondition(
                    !newValue || state.value.dtype.takesGradients,
                    "\(name): weights of \(state.value.dtype) cannot be trained")
                state.isTrainable = newValue
            }
        }
    }

    /// A weight of that name.
    public init(_ name: String, _ value: Tensor) {
        self.name = name
        state = Mutex(
            State(value: value.detached(), isTrainable: value.dtype.takesGradients))
    }

    /// Puts another value of the same shape in its place.
    public func replace(with value: Tensor) {
        state.withLock { state in
            precondition(
                state.value.shape == value.shape,
                "\(name): a value of shape \(value.shape) for \(state.value.shape)")
            state.value = value.detached()
        }
    }
}
