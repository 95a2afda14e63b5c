import Synchronization

/// A named weight of a network. The one kind of tensor that training changes.
public final class Parameter: Sendable {
    /// The full name, as in the checkpoint.
    public let name: String
    private let state: Mutex<Tensor>

    /// The weight as it is now.
    public var value: Tensor { state.withLock { $0 } }

    /// A weight of that name.
    public init(_ name: String, _ value: Tensor) {
        self.name = name
        state = Mutex(value)
    }

    /// Puts another value of the same shape in its place.
    public func replace(with value: Tensor) {
        state.withLock { current in
            precondition(
                current.shape == value.shape,
                "\(name): a value of shape \(value.shape) for \(current.shape)")
            current = value
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
