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
        guard isTrainable, GradientScope.isOpen else { return value }
        return value.with(node: GradientNode(leaf: value, of: self))
    }

    /// Whether gradient scopes record what is computed from it: so for real numbers, unless
    /// switched off.
    public var isTrainable: Bool {
        get { state.withLock { $0.isTrainable } }
        set {
            state.withLock { state in
                precondition(
                    !newValue || state.value.dtype.isFloatingPoint,
                    "\(name): weights of \(state.value.dtype) cannot be trained")
                state.isTrainable = newValue
            }
        }
    }

    /// A weight of that name.
    public init(_ name: String, _ value: Tensor) {
        self.name = name
        state = Mutex(
            State(value: value.detached(), isTrainable: value.dtype.isFloatingPoint))
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

/// What a weight starts as where no file gives it.
public enum Initializer: Sendable, Equatable {
    case zeros, ones
    case constant(Float)
    /// Normal with mean zero and this standard deviation.
    case normal(Float)
    /// PyTorch's default of linear and convolution layers: uniform in ±1/√(inputs of one output).
    case kaimingUniform
    /// Uniform in ±1/√fan: PyTorch's default of biases.
    case uniformByFan(Int)
    /// Uniform in ±√(6 / (inputs + outputs)).
    case xavierUniform

    func draw(_ shape: Shape, from generator: inout TorchGenerator) -> Tensor {
        let count = shape.elementCount
        let receptive = shape.dropFirst(2).reduce(1, *)
        let fanIn = shape.dropFirst().reduce(1, *)
        switch self {
        case .zeros: return .zeros(shape)
        case .ones: return .full(shape, 1)
        case .constant(let value): return .full(shape, Double(value))
        case .normal(let deviation):
            return Tensor(generator.normal(count).map { $0 * deviation }, shape)
        case .kaimingUniform:
            return uniform(1 / Float(fanIn).squareRoot(), shape, from: &generator)
        case .uniformByFan(let fan):
            return uniform(1 / Float(fan).squareRoot(), shape, from: &generator)
        case .xavierUniform:
            let outputs = (shape.first ?? 1) * receptive
            return uniform((6 / Float(fanIn + outputs)).squareRoot(), shape, from: &generator)
        }
    }

    private func uniform(
        _ bound: Float, _ shape: Shape, from generator: inout TorchGenerator
    ) -> Tensor {
        Tensor(generator.uniform(shape.elementCount).map { $0 * 2 * bound - bound }, shape)
    }
}
