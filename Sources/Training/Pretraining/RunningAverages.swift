internal import Synchronization
public import TensorCore

/// Exponential running averages of weights, which make better pictures than the weights of any one
/// step.
///
/// - Source: Ho et al. 2020, arXiv:2006.11239; the rising decay is latent diffusion's `LitEma`
public final class RunningAverages: Sendable {
    /// The share of the old average that a step keeps, once there were many.
    public let decay: Double
    private let parameters: [Parameter]
    private let averages: Mutex<(values: [Tensor], updates: Int)>

    /// Averages that begin as the weights are now.
    public init(of parameters: [Parameter], decay: Double) {
        precondition((0..<1).contains(decay), "RunningAverages: a decay of \(decay)")
        self.decay = decay
        self.parameters = parameters
        averages = Mutex((parameters.map { $0.value.detached().real }, 0))
    }

    /// How many steps went in.
    public var updates: Int { averages.withLock(\.updates) }

    /// Takes the weights of one more step in: `average ← d · average + (1 − d) · weight`, with
    /// `d = min(decay, (1 + n) / (10 + n))` at the n-th.
    public func update() {
        averages.withLock { averages in
            averages.updates += 1
            let count = Double(averages.updates)
            let kept = Float(min(decay, (1 + count) / (10 + count)))
            for (index, parameter) in parameters.enumerated() {
                let weight = parameter.value.detached()
                averages.values[index] = averages.values[index] * kept + weight * (1 - kept)
            }
        }
    }

    /// The averages under the weights' names.
    public var tensors: [(name: String, value: Tensor)] {
        let values = averages.withLock(\.values)
        return zip(parameters, values).map { ($0.name, $1) }
    }

    /// Runs `body` with the averages in the place of the weights.
    public func replacingWeights<Result>(_ body: () throws -> Result) rethrows -> Result {
        let weights = parameters.map { $0.value.detached() }
        for (parameter, value) in zip(parameters, averages.withLock(\.values)) {
            parameter.replace(with: value)
        }
        defer {
            for (parameter, value) in zip(parameters, weights) { parameter.replace(with: value) }
        }
        return try body()
    }
}

// MARK: - Going on

extension RunningAverages {
    private static let countName = "average.updates"

    /// All that it knows, under names that no weight has.
    public var state: [(name: String, value: Tensor)] {
        let (values, updates) = averages.withLock { $0 }
        return [(Self.countName, Tensor([Int32(clamping: updates)], [1]))]
            + zip(parameters, values).map { ("average.\($0.name)", $1) }
    }

    /// Takes `state` back.
    ///
    /// - Throws: `CheckpointError`
    public func restore(_ checkpoint: Checkpoint) throws {
        func stored(_ name: String, _ shape: Shape) throws -> Tensor {
            guard let tensor = checkpoint[name] else {
                throw CheckpointError.missing(name: name, expected: shape, file: checkpoint.file)
            }
            guard tensor.shape == shape else {
                throw CheckpointError.shapeMismatch(
                    name: name, found: tensor.shape, expected: shape, file: checkpoint.file)
            }
            return try tensor.tensor()
        }
        let updates = try stored(Self.countName, [1]).integers()[0]
        let values = try parameters.map { parameter in
            let value = parameter.value
            return try stored("average.\(parameter.name)", value.shape).on(value.device).real
        }
        averages.withLock { $0 = (values, updates) }
    }
}
