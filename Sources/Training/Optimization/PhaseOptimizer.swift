public import TensorCore

/// Moves the parameters of one phase by AdamW, as `torch.optim.AdamW` does, on all ranks together.
///
/// A step is a few `accumulate` calls, one a micro-batch, then `step`. Weights in `bfloat16` or
/// `float16` have `float32` masters. A parameter that no rank had a gradient for stays as it is.
/// Every call is collective: all ranks make it in the same order. The same ranks, threads and
/// batches give the same bits.
///
/// - Source: Loshchilov and Hutter 2017, arXiv:1711.05101
public final class PhaseOptimizer {
    /// What it moves.
    public let phase: TrainingPhase
    /// How.
    public let config: OptimizerConfig
    private let communicator: Communicator
    private let parameters: [Parameter]
    private var states: [ParameterState]
    private var scaler: LossScaler
    private var gradients = Gradients()

    /// An optimiser before its first step. On several ranks rank 0's weights replace everyone's.
    ///
    /// - Throws: `CommunicatorError`
    public init(
        _ phase: TrainingPhase, _ config: OptimizerConfig, communicator: Communicator
    ) throws {
        (self.phase, self.config, self.communicator) = (phase, config, communicator)
        parameters = phase.parameters
        precondition(
            Set(parameters.map(\.name)).count == parameters.count,
            "PhaseOptimizer: two parameters of '\(phase.name)' share a name")
        states = phase.groups.flatMap { group in
            group.parameters.map { ParameterState(of: $0, in: group, config) }
        }
        scaler = LossScaler(config.lossScale)
    }

    /// Goes back through the loss of a micro-batch and adds its gradients to those of the step.
    ///
    /// - Parameters:
    ///   - loss: a scalar, divided by the counts of the whole step over all ranks: gradients are
    ///     summed. nil where this rank has nothing to learn from this time
    ///   - isLast: whether `step` comes next: gradients are exchanged while the pass goes on
    public func accumulate(_ loss: Tensor?, isLast: Bool) throws {
        if let loss { gradients += loss.backward(scale: Float(scaler.scale)) }
    }

    /// Moves the parameters along the gradients accumulated since the last step.
    ///
    /// - Parameters:
    ///   - rate: the schedule's learning rate
    ///   - clip: the largest norm of all gradients together; longer ones are scaled down
    /// - Returns: the norm before clipping; where it is not finite nothing has moved
    /// - Throws: `OptimizerError.lossScaleExhausted`, `CommunicatorError`
    public func step(rate: Double, clip: Double?) throws -> StepOutcome {
        defer { gradients = Gradients() }
        let squares = parameters.reduce(0) { $0 + (gradients[$1]?.sumOfSquares ?? 0) }
        let norm = squares.squareRoot() / scaler.scale
        let outcome = StepOutcome(
            gradientNorm: norm, isFinite: norm.isFinite, lossScale: scaler.scale)
        // 1e-6 as in torch.nn.utils.clip_grad_norm_: the last digits should agree.
        let clipping = clip.map { min(1, $0 / (norm + 1e-6)) } ?? 1
        let factor = clipping / scaler.scale
        try scaler.update(isFinite: norm.isFinite)
        guard norm.isFinite else { return outcome }
        for (index, parameter) in parameters.enumerated() {
            guard let gradient = gradients[parameter] else { continue }
            states[index].move(parameter, along: gradient, times: factor, rate: rate, config)
        }
        return outcome
    }

    /// Everything a run that goes on must know beside the weights, by parameter name, to be written
    /// before the next step. Complete on rank 0, empty elsewhere.
    public func state() throws -> [(name: String, value: Tensor)] {
        zip(parameters, states).flatMap { $1.tensors(of: $0.name) } + [
            (PhaseOptimizer.lossScaleName, Tensor(scaler.numbers))
        ]
    }

    /// Goes on where `state` was taken, at this number of ranks or another. The weights themselves
    /// must have been restored.
    ///
    /// - Throws: `CheckpointError` for a tensor that is missing, misshapen or of no parameter here
    public func restore(_ checkpoint: Checkpoint) throws {
        var account = OptimizerAccount(checkpoint)
        for (index, parameter) in parameters.enumerated() {
            try states[index].restore(parameter.name, from: &account)
        }
        scaler.numbers = try account.take(PhaseOptimizer.lossScaleName, [3], .float32).floats()
        try account.finish()
    }

    private static let lossScaleName = "loss_scale"
}

/// How a step went.
public struct StepOutcome: Equatable, Sendable {
    /// The Euclidean norm of all gradients together, before clipping.
    public let gradientNorm: Double
    /// Whether every gradient was a number. If not, nothing moved; only under a dynamic loss scale
    /// is that to be expected now and then.
    public let isFinite: Bool
    /// The factor on the loss that the step was taken with.
    public let lossScale: Double
}
