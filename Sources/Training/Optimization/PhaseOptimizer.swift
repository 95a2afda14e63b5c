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
    /// By parameter: its group, steps taken, and whether this rank has had a gradient this step.
    private let groups: [ParameterGroup]
    private var steps: [Int]
    private var isTouched: [Bool]

    /// Set where each rank moves a part of every bucket.
    private let partition: FlatLayout?
    private var sum: any GradientSum
    private var states: [ShareState]
    private var scaler: LossScaler

    /// An optimiser before its first step. On several ranks rank 0's weights replace everyone's.
    ///
    /// - Throws: `CommunicatorError.disagreement` where ranks train different parameters
    public init(
        _ phase: TrainingPhase, _ config: OptimizerConfig, communicator: Communicator
    ) throws {
        (self.phase, self.config, self.communicator) = (phase, config, communicator)
        let parameters = phase.parameters
        precondition(
            Set(parameters.map(\.name)).count == parameters.count,
            "PhaseOptimizer: two parameters of '\(phase.name)' share a name")
        precondition(
            [.float32, .bfloat16].contains(config.reduction),
            "PhaseOptimizer: sums of \(config.reduction)")
        try communicator.requireAgreement(
            on: PhaseOptimizer.description(of: phase, config), about: "the trained parameter")
        try communicator.broadcast(parameters)

        let lengths = parameters.map { $0.value.count }
        let transport = communicator.transport
        partition =
            communicator.size > 1 && config.partitionsState
            ? FlatLayout(lengths, bucketLength: config.bucketLength, shards: communicator.size)
            : nil
        if let partition {
            sum = PartitionedGradientSum(partition, config, transport)
        } else if communicator.size > 1 {
            sum = ReplicatedGradientSum(lengths, config, transport)
        } else {
            sum = LocalGradientSum(lengths)
        }
        states = sum.shares.map { share in
            let parameter = parameters[share.parameter]
            return ShareState(share, of: parameter, storage: phase.storage(of: parameter))
        }
        // Only now: masters begin at what was read, not at what the storage leaves of it.
        for parameter in parameters {
            let value = parameter.value.detached()
            parameter.replace(with: value.cast(to: phase.storage(of: parameter)))
        }
        self.parameters = parameters
        groups = phase.groups.flatMap { group in group.parameters.map { _ in group } }
        steps = parameters.map { _ in 0 }
        isTouched = parameters.map { _ in false }
        scaler = LossScaler(config.lossScale)
    }

    /// A line for each thing in which ranks must agree.
    private static func description(of phase: TrainingPhase, _ config: OptimizerConfig) -> String {
        let parameters = phase.groups.flatMap { group in
            group.parameters.map {
                "\(group.name) \($0.name) \(phase.storage(of: $0)) \($0.value.shape) "
                    + "\(group.rateScale) "
                    + "\(group.weightDecay ?? config.weightDecay)"
            }
        }
        return ([phase.name, "\(config)"] + parameters).joined(separator: "\n")
    }

    /// Goes back through the loss of a micro-batch and adds its gradients to those of the step.
    ///
    /// - Parameters:
    ///   - loss: a scalar, divided by the counts of the whole step over all ranks: gradients are
    ///     summed. nil where this rank has nothing to learn from this time
    ///   - isLast: whether `step` comes next: gradients are exchanged while the pass goes on
    /// - Throws: `CommunicatorError`
    public func accumulate(_ loss: Tensor?, isLast: Bool) throws {
        sum.begin(isLast: isLast)
        var failure: (any Error)?
        func take(_ index: Int, _ gradient: Tensor?) {
            guard failure == nil else { return }
            if gradient != nil { isTouched[index] = true }
            do { try sum.add(gradient, to: index) } catch { failure = error }
        }
        if let loss {
            loss.backward(scale: Float(scaler.scale), to: parameters, finished: take)
        } else {
            for index in parameters.indices { take(index, nil) }
        }
        if let failure { throw failure }
    }

    /// Moves the parameters along the gradients accumulated since the last step.
    ///
    /// - Parameters:
    ///   - rate: the schedule's learning rate
    ///   - clip: the largest norm of all gradients together; longer ones are scaled down
    ///   - isLossFinite: whether this rank's losses of the step are numbers
    /// - Returns: the norm before clipping; where it is not finite, or some rank's losses are no
    ///   numbers, nothing has moved
    /// - Throws: `OptimizerError.lossScaleExhausted`, `CommunicatorError`
    public func step(
        rate: Double, clip: Double?, isLossFinite: Bool = true
    ) throws -> StepOutcome {
        defer {
            sum.reset()
            isTouched = isTouched.map { _ in false }
        }
        try sum.finish()
        let agreed = try agreed(isLossFinite: isLossFinite)
        let norm = agreed.squares.squareRoot() / scaler.scale
        let outcome = StepOutcome(
            gradientNorm: norm, isFinite: norm.isFinite && agreed.isLossFinite,
            isLossFinite: agreed.isLossFinite, lossScale: scaler.scale)
        guard agreed.isLossFinite else { return outcome }
        // 1e-6 as in torch.nn.utils.clip_grad_norm_: the last digits should agree.
        let clipping = clip.map { min(1, $0 / (norm + 1e-6)) } ?? 1
        let factor = clipping / scaler.scale
        try scaler.update(isFinite: norm.isFinite)
        guard norm.isFinite else { return outcome }
        for index in parameters.indices where isTouched[index] { steps[index] += 1 }
        try move(rate: rate, times: factor)
        return outcome
    }

    /// The square of the norm of all gradients, the same to the bit on every rank, and whether the
    /// losses of all are numbers; and what any rank touched is touched on all.
    private func agreed(
        isLossFinite: Bool
    ) throws -> (squares: Double, isLossFinite: Bool) {
        // Where all ranks have the same sums, one speaks for all.
        let speaks = partition != nil || communicator.rank == 0
        let squares = states.indices.reduce(0) { total, share in
            total + (speaks ? sum.gradient(of: share)?.sumOfSquares ?? 0 : 0)
        }
        let agreed = try communicator.sum(
            [squares, isLossFinite ? 0 : 1] + isTouched.map { $0 ? 1 : 0 })
        isTouched = agreed.dropFirst(2).map { $0 > 0 }
        return (agreed[0], agreed[1] == 0)
    }

    private func move(rate: Double, times factor: Double) throws {
        guard let partition else {
            for share in states.indices {
                let parameter = parameters[states[share].share.parameter]
                let value = parameter.value.detached()
                guard let moved = moved(share, rate: rate, times: factor) else { continue }
                parameter.replace(with: moved.reshaped(value.shape).cast(to: value.dtype))
            }
            return
        }
        var gather = ParameterGather(partition, parameters, communicator.transport)
        var share = 0
        for bucket in partition.buckets.indices {
            let shard = partition.shard(of: bucket, rank: communicator.rank)
            let values = partition.pieces(of: shard).map { piece in
                defer { share += 1 }
                return moved(share, rate: rate, times: factor)
                    ?? states[share].value(in: parameters[piece.parameter])
            }
            try gather.send(values)
        }
        try gather.finish()
    }

    /// Puts the masters in the place of the weights, in `float32`: what was trained, unrounded, for
    /// the task to write. No step comes after it.
    ///
    /// - Throws: `CommunicatorError`
    public func unround() throws {
        guard parameters.contains(where: { $0.value.dtype != .float32 }) else { return }
        let weights = states.map { $0.value(in: parameters[$0.share.parameter]) }
        for parameter in parameters {
            parameter.replace(with: parameter.value.detached().cast(to: .float32))
        }
        guard let partition else {
            for (state, weight) in zip(states, weights) {
                let parameter = parameters[state.share.parameter]
                parameter.replace(with: weight.reshaped(parameter.value.shape))
            }
            return
        }
        var gather = ParameterGather(partition, parameters, communicator.transport)
        var share = 0
        for bucket in partition.buckets.indices {
            let shard = partition.shard(of: bucket, rank: communicator.rank)
            let count = partition.pieces(of: shard).count
            try gather.send(Array(weights[share..<share + count]))
            share += count
        }
        try gather.finish()
    }

    /// A share after the step; nil where it stays.
    private func moved(_ index: Int, rate: Double, times factor: Double) -> Tensor? {
        let parameter = states[index].share.parameter
        guard isTouched[parameter], let gradient = sum.gradient(of: index) else { return nil }
        let group = groups[parameter]
        let step = AdamWStep(
            number: steps[parameter], learningRate: rate * group.rateScale, beta1: config.beta1,
            beta2: config.beta2, epsilon: config.epsilon,
            weightDecay: group.weightDecay ?? config.weightDecay, gradientScale: factor)
        return states[index].move(parameters[parameter], along: gradient, step)
    }
}

/// How a step went.
public struct StepOutcome: Equatable, Sendable {
    /// The Euclidean norm of all gradients together, before clipping.
    public let gradientNorm: Double
    /// Whether every gradient and every loss was a number. If not, nothing moved; only gradients
    /// under a dynamic loss scale are to be expected now and then that are none.
    public let isFinite: Bool
    /// Whether every loss was, on all ranks.
    public let isLossFinite: Bool
    /// The factor on the loss that the step was taken with.
    public let lossScale: Double
}

// MARK: - Going on

extension PhaseOptimizer {
    /// Everything a run that goes on must know beside the weights, by parameter name, to be written
    /// before the next step.
    ///
    /// Loading a tensor puts it together on rank 0 and nowhere else: a collective where ranks have
    /// parts of it, so all of them load all tensors, in one order. Elsewhere it comes out empty.
    public func state() -> [StoredTensor] {
        let counts = zip(parameters, steps).map { parameter, steps in
            StoredTensor(
                name: PhaseOptimizer.stepsName(of: parameter), value: Tensor([Int32(steps)], []))
        }
        let records = StateRecord.allCases.flatMap { record in
            parameters.indices.filter { has(record, $0) }.map { stored(record, of: $0) }
        }
        let scale = StoredTensor(name: PhaseOptimizer.lossScaleName, value: Tensor(scaler.numbers))
        return counts + records + [scale]
    }

    private func stored(_ record: StateRecord, of index: Int) -> StoredTensor {
        let shape = parameters[index].value.shape
        let mine = states.filter { $0.share.parameter == index }.compactMap { $0[record] }
        let collection = partition.map {
            PieceCollection($0, parameter: index, transport: communicator.transport)
        }
        return StoredTensor(
            name: record.name(of: parameters[index]), dtype: .float32, shape: shape, file: "memory"
        ) {
            guard let collection else { return mine[0].reshaped(shape) }
            return try collection.whole(of: mine)?.reshaped(shape) ?? Tensor([Float]())
        }
    }

    private func has(_ record: StateRecord, _ parameter: Int) -> Bool {
        record != .master || parameters[parameter].value.dtype != .float32
    }

    /// Goes on where `state` was taken, at this number of ranks or another. The weights themselves
    /// must have been restored.
    ///
    /// - Throws: `CheckpointError` for a tensor that is missing, misshapen or of no parameter here
    public func restore(_ checkpoint: Checkpoint) throws {
        var account = OptimizerAccount(checkpoint)
        for (index, parameter) in parameters.enumerated() {
            steps[index] = try account.take(
                PhaseOptimizer.stepsName(of: parameter), [], .int32
            ).integers()[0]
            for record in StateRecord.allCases where has(record, index) {
                _ = try account.take(
                    record.name(of: parameter), parameter.value.shape, .float32)
            }
        }
        scaler.numbers = try account.take(PhaseOptimizer.lossScaleName, [3], .float32).floats()
        try account.finish()
        for index in states.indices {
            let parameter = parameters[states[index].share.parameter]
            try states[index].restore {
                try account.take($0.name(of: parameter), parameter.value.shape, .float32)
            }
        }
    }

    private static func stepsName(of parameter: Parameter) -> String { "steps.\(parameter.name)" }
    private static let lossScaleName = "loss_scale"
}
