import DataPipeline
import FoundationEssentials
import SouthGPT
import TensorCore

/// A run as it goes: the optimisers, where it stands, and the steps.
final class TrainingLoop<Task: TrainingTask> {
    /// A sample made ready, and where it came from: what a bad step is reported by.
    struct Prepared: Sendable {
        let item: Task.Item
        let place: RecordPlace
    }

    private typealias Batch = SampleLoader<Prepared>.Batch

    /// Ends the loader's loop.
    private struct Halt: Error { let reason: StopReason }

    let task: Task
    let plan: RunPlan
    let data: TrainingData
    let folder: RunFolder
    let communicator: Communicator
    let quarantine: Quarantine
    private let observers: [any RunObserver]
    private let optimizers: [PhaseOptimizer]
    private var state: RunState
    private var saved: Int?
    private let restoredNote: String?
    private var pace: Pace

    init(
        _ task: Task, plan: RunPlan, data: TrainingData, folder: RunFolder,
        communicator: Communicator, observers: [any RunObserver]
    ) throws {
        (self.task, self.plan, self.data, self.folder) = (task, plan, data, folder)
        (self.communicator, self.observers) = (communicator, observers)
        // One rank writes: the others tell it what they find.
        quarantine =
            communicator.rank == 0
            ? try Quarantine(path: folder.quarantinePath, maxBad: plan.config.maxBad)
            : Quarantine(collecting: plan.config.maxBad)
        pace = Pace(plan.config)
        saved = folder.steps.last
        // Compared before anything is put in place: what does not fit is named as what it is.
        let found = try saved.map { try folder.state(ofStep: $0) }
        restoredNote = try found?.check(task, plan: plan, data: data, folder: folder.path)
        state = found ?? RunState(task: task, plan: plan, data: data)
        state.config = plan.values
        optimizers = try task.phases.map { phase in
            try PhaseOptimizer(phase, plan.engine.optimizerConfig, communicator: communicator)
        }
        if let saved { try restore(step: saved) }
    }

    /// Puts a checkpoint in place: the weights, and what the optimisers remember.
    private func restore(step: Int) throws {
        let tensors = try folder.tensors(ofStep: step)
        try RunTensors.restore(task, from: tensors.parameters)
        for (phase, optimizer) in zip(task.phases, optimizers) {
            let mark = "\(phase.name)/"
            try optimizer.restore(
                tensors.optimizer.renamed {
                    $0.hasPrefix(mark) ? String($0.dropFirst(mark.count)) : nil
                })
        }
    }

    private func note(_ event: TrainingEvent) {
        for observer in observers { observer.note(event) }
    }

    // MARK: The run

    func run(stop: StopFlag) async throws -> StopReason {
        let summary = RunSummary(task: task, plan: plan, data: data, completed: state.step)
        if communicator.rank == 0 { try folder.describe(summary, config: plan.text) }
        note(.started(summary))
        if let restoredNote { note(.message(restoredNote)) }
        let reason = try await steps(stop: stop)
        if case .stoppedEarly = reason, let best = state.best?.step, folder.steps.contains(best) {
            try restore(step: best)
            note(.message("the weights are those of step \(best), which evaluated best."))
        }
        switch reason {
        case .completed, .stoppedEarly: for optimizer in optimizers { try optimizer.unround() }
        case .interrupted, .notFinite, .failed: break
        }
        note(.stopped(reason, step: state.step))
        return reason
    }

    private func steps(stop: StopFlag) async throws -> StopReason {
        if let reason = earlyEnd { return reason }
        let sampler = try BlendedSampler(
            sizes: data.sizes, globalBatch: plan.globalBatch, ranks: communicator.size,
            rank: communicator.rank, seed: plan.config.seed)
        let task = task
        let loader = SampleLoader<Prepared>(
            data.training, sampler: sampler, workers: plan.config.workers,
            prefetch: max(plan.config.prefetch, plan.accumulation), quarantine: quarantine
        ) { sample in
            try task.prepare(sample).map { Prepared(item: $0, place: sample.place) }
        }
        var batches: [Batch] = []
        pace.begin()
        do {
            try await loader.forEachBatch(
                from: state.step * plan.accumulation, upTo: plan.steps * plan.accumulation
            ) { batch in
                batches.append(batch)
                guard batches.count == plan.accumulation else { return }
                try step(batches, stop: stop)
                batches = []
            }
        } catch let halt as Halt {
            return halt.reason
        }
        try save()
        return .completed
    }

    /// Why a run that was restored has nothing left to do.
    private var earlyEnd: StopReason? {
        guard let patience = plan.config.patience, state.worseEvaluations >= patience else {
            return nil
        }
        return .stoppedEarly(evaluations: state.worseEvaluations)
    }

    // MARK: One step

    /// What ranks tell each other before a step.
    private struct Beginning: Codable {
        var counts = UnitCounts()
        var pieces = 0
        var wantsEnd = false
    }

    /// What they tell each other after it.
    private struct Ending: Codable {
        var sums = LossSums()
        var bad = 0
        var dropped = 0
        /// Samples that this rank could not use and that rank 0 has not heard of.
        var named: [BadSample] = []
    }

    private func step(_ batches: [Batch], stop: StopFlag) throws {
        let phases = task.phases
        let pieces = pieces(of: batches)
        var own = Beginning(pieces: pieces.count, wantsEnd: stop.isRaised)
        for (number, phase) in phases.enumerated() {
            for piece in pieces {
                own.counts.add(task.counts(of: piece.items, in: number), in: phase.name)
            }
        }
        let all = try communicator.gatherForAll(own)
        if all.contains(where: \.wantsEnd) {
            try save()
            throw Halt(reason: .interrupted)
        }
        let counts = all.reduce(into: UnitCounts()) { $0 += $1.counts }.all
        let rounds = all.reduce(1) { max($0, $1.pieces) }
        let rate = plan.learningRate(state.step)
        var ending = Ending()
        var norms: [String: Double] = [:]
        for (number, phase) in phases.enumerated() {
            let outcome = try move(
                number, phase, pieces, rounds: rounds, per: counts, rate: rate, &ending.sums)
            if outcome.isFinite { norms[phase.name] = outcome.gradientNorm }
            let isExpected = outcome.isLossFinite && plan.engine.expectsOverflow
            if !outcome.isFinite, !isExpected { try stopOn(batches) }
        }
        (ending.bad, ending.dropped) = batches.reduce((0, 0)) {
            ($0.0 + $1.bad, $0.1 + $1.dropped)
        }
        ending.named = quarantine.takeNew()
        let endings = try communicator.gatherForAll(ending)
        let sums = endings.reduce(into: LossSums()) { $0 += $1.sums }
        task.didStep(moment(0))
        state.step += 1
        state.bad += endings.reduce(0) { $0 + $1.bad }
        state.dropped += endings.reduce(0) { $0 + $1.dropped }
        pace.end(samples: sums.samples, tokens: sums.tokens)
        report(sums, counts, rate, norms, batches)
        try quarantine.record(endings.map(\.named), communicator)
        try afterStep()
    }

    /// Some samples that a rank computes at a time, and the place of the first among those of the
    /// step over all ranks.
    private struct Piece {
        let first: Int
        let items: [Task.Item]
    }

    private func pieces(of batches: [Batch]) -> [Piece] {
        let first = communicator.rank * plan.globalBatch / communicator.size
        return batches.enumerated().flatMap { index, batch in
            stride(from: 0, to: batch.items.count, by: plan.microBatch).map { start in
                let end = min(start + plan.microBatch, batch.items.count)
                return Piece(
                    first: index * plan.globalBatch + first + start,
                    items: batch.items[start..<end].map(\.item))
            }
        }
    }

    private func moment(_ firstSample: Int) -> TrainingMoment {
        TrainingMoment(seed: plan.config.seed, step: state.step, firstSample: firstSample)
    }

    /// - Parameter rounds: the most pieces that any rank has: all take part in as many
    private func move(
        _ number: Int, _ phase: TrainingPhase, _ pieces: [Piece], rounds: Int,
        per counts: [String: [LossUnit: Int]], rate: Double, _ sums: inout LossSums
    ) throws -> StepOutcome {
        for round in 0..<rounds {
            var loss: Tensor?
            if round < pieces.count {
                let piece = pieces[round]
                let (parts, total) = try withGradients {
                    let parts = try task.loss(of: piece.items, in: number, at: moment(piece.first))
                    return (parts, parts.total(per: counts[phase.name] ?? [:]))
                }
                loss = total?.isTracked == true ? total : nil
                sums.add(parts, in: phase.name, isFirst: number == 0, samples: piece.items.count)
            }
            try optimizers[number].accumulate(loss, isLast: round + 1 == rounds)
        }
        return try optimizers[number].step(
            rate: rate, clip: plan.clip, isLossFinite: sums.loss(per: counts).isFinite)
    }

    private func report(
        _ sums: LossSums, _ counts: [String: [LossUnit: Int]], _ rate: Double,
        _ norms: [String: Double], _ batches: [Batch]
    ) {
        guard !observers.isEmpty else { return }
        var names: [String] = []
        for batch in batches {
            let name = data.training[batch.dataset].entry.name
            if !names.contains(name) { names.append(name) }
        }
        note(
            .step(
                StepReport(
                    step: state.step, steps: plan.steps, loss: sums.loss(per: counts),
                    terms: sums.means(per: counts), accuracy: sums.accuracy, learningRate: rate,
                    gradientNorms: norms, datasets: names, samples: sums.samples,
                    tokens: sums.tokens, seconds: pace.lastSeconds,
                    samplesPerSecond: pace.samplesPerSecond,
                    tokensPerSecond: pace.tokensPerSecond,
                    secondsLeft: pace.secondsPerStep * Double(plan.steps - state.step),
                    peakMemoryBytes: Machine.peakMemoryBytes, bad: state.bad,
                    dropped: state.dropped)))
    }

    /// Evaluates and saves where it is time, and ends the run where it does not get better.
    private func afterStep() throws {
        let config = plan.config
        var isBest = false
        if config.evaluateEvery > 0, state.step.isMultiple(of: config.evaluateEvery) {
            isBest = try evaluate()
        }
        let isDue = config.saveEvery > 0 && state.step.isMultiple(of: config.saveEvery)
        if let end = earlyEnd {
            try save()
            throw Halt(reason: end)
        }
        if isDue || isBest { try save() }
    }

    // MARK: Evaluation

    /// - Returns: whether no evaluation before was better
    private func evaluate() throws -> Bool {
        let pass = EvaluationPass(task, plan: plan, data: data, communicator: communicator)
        let (sums, counts) = try pass.run(quarantine: quarantine)
        let loss = sums.loss(per: counts)
        let isBest = loss.isFinite && state.best.map { loss < $0.loss } ?? true
        if isBest {
            state.best = .init(step: state.step, loss: loss)
            state.worseEvaluations = 0
        } else {
            state.worseEvaluations += 1
        }
        note(
            .evaluation(
                EvaluationReport(
                    step: state.step, loss: loss, terms: sums.means(per: counts),
                    accuracy: sums.accuracy, samples: sums.samples, isBest: isBest)))
        if communicator.rank == 0 {
            for preview in try pass.previews(at: state.step, quarantine: quarantine) {
                note(.preview(preview, step: state.step))
            }
        }
        try communicator.barrier()
        return isBest
    }

    // MARK: Keeping

    /// Writes a checkpoint of where the run stands, unless it is there.
    private func save() throws {
        guard saved != state.step else { return }
        let optimizer = GatheredTensors(
            zip(task.phases, optimizers).flatMap { phase, optimizer in
                optimizer.state().map { $0.renamed("\(phase.name)/\($0.name)") }
            })
        try communicator.onRankZero {
            try folder.save(
                state, parameters: RunTensors.all(of: task), optimizer: optimizer.tensors,
                keeping: plan.config.keepLast)
        } meanwhile: {
            try optimizer.finish()
        }
        saved = state.step
        note(.saved(path: folder.path(ofStep: state.step), step: state.step))
    }

    /// Names the samples of a step whose loss or gradients are no numbers, and ends the run.
    private func stopOn(_ batches: [Batch]) throws -> Never {
        let places = try communicator.gatherForAll(batches.flatMap { $0.items.map(\.place) })
        // All wait for it: the first to throw may end the processes of the others.
        try communicator.onRankZero {
            try RunFolder.write(
                NotFinite(
                    step: state.step, batches: batches.map(\.position),
                    samples: places.flatMap { $0 }), to: folder.notFinitePath)
            note(.stopped(.notFinite(list: folder.notFinitePath), step: state.step))
        }
        throw RunError.notFinite(step: state.step, list: folder.notFinitePath)
    }
}

/// A step whose loss or gradients are no numbers: what `not-finite.json` says.
struct NotFinite: Codable, Equatable {
    /// Steps that were completed before.
    var step: Int
    /// Positions of its batches in the data.
    var batches: [Int]
    var samples: [RecordPlace]
}
