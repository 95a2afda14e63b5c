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
    private var pace = Pace()

    init(
        _ task: Task, plan: RunPlan, data: TrainingData, folder: RunFolder,
        communicator: Communicator, observers: [any RunObserver]
    ) throws {
        (self.task, self.plan, self.data, self.folder) = (task, plan, data, folder)
        (self.communicator, self.observers) = (communicator, observers)
        quarantine = try Quarantine(path: folder.quarantinePath, maxBad: plan.config.maxBad)
        saved = folder.steps.last
        // Compared before anything is put in place: what does not fit is named as what it is.
        let found = try saved.map { try folder.state(ofStep: $0) }
        restoredNote = try found?.check(
            task: task.name, plan: plan, data: data, identity: task.identity, folder: folder.path)
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
    }

    private func step(_ batches: [Batch], stop: StopFlag) throws {
        let start = ContinuousClock.now
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
                number, phase, pieces, rounds: rounds, per: counts[phase.name] ?? [:], rate: rate,
                &ending.sums)
            if outcome.isFinite { norms[phase.name] = outcome.gradientNorm }
            if !outcome.isFinite, !plan.engine.expectsOverflow { try stopOn(batches) }
        }
        (ending.bad, ending.dropped) = batches.reduce((0, 0)) {
            ($0.0 + $1.bad, $0.1 + $1.dropped)
        }
        let endings = try communicator.gatherForAll(ending)
        let sums = endings.reduce(into: LossSums()) { $0 += $1.sums }
        if !sums.loss(per: counts).isFinite { try stopOn(batches) }
        task.didStep(moment(0))
        state.step += 1
        state.bad += endings.reduce(0) { $0 + $1.bad }
        state.dropped += endings.reduce(0) { $0 + $1.dropped }
        pace.add(tokens: sums.tokens, seconds: start.duration(to: .now).seconds)
        report(sums, counts, rate, norms, batches)
        try afterStep()
    }

    /// Some samples that a rank computes at a time, and their number within the step over all ranks.
    private struct Piece {
        let number: Int
        let items: [Task.Item]
    }

    private func pieces(of batches: [Batch]) -> [Piece] {
        let perBatch = (plan.globalBatch + plan.microBatch - 1) / plan.microBatch
        let first = communicator.rank * plan.globalBatch / communicator.size
        return batches.enumerated().flatMap { index, batch in
            stride(from: 0, to: batch.items.count, by: plan.microBatch).map { start in
                let end = min(start + plan.microBatch, batch.items.count)
                return Piece(
                    number: index * perBatch + (first + start) / plan.microBatch,
                    items: batch.items[start..<end].map(\.item))
            }
        }
    }

    private func moment(_ piece: Int) -> TrainingMoment {
        TrainingMoment(seed: plan.config.seed, step: state.step, microBatch: piece)
    }

    /// - Parameter rounds: the most pieces that any rank has: all take part in as many
    private func move(
        _ number: Int, _ phase: TrainingPhase, _ pieces: [Piece], rounds: Int,
        per counts: [LossUnit: Int], rate: Double, _ sums: inout LossSums
    ) throws -> StepOutcome {
        for round in 0..<rounds {
            var loss: Tensor?
            if round < pieces.count {
                let piece = pieces[round]
                let (parts, total) = try withGradients {
                    let parts = try task.loss(of: piece.items, in: number, at: moment(piece.number))
                    return (parts, parts.total(per: counts))
                }
                loss = total?.isTracked == true ? total : nil
                sums.add(parts, in: phase.name, isFirst: number == 0, samples: piece.items.count)
            }
            try optimizers[number].accumulate(loss, isLast: round + 1 == rounds)
        }
        return try optimizers[number].step(rate: rate, clip: plan.clip)
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
        let optimizer = try zip(task.phases, optimizers).flatMap { phase, optimizer in
            try optimizer.state().map { (name: "\(phase.name)/\($0.name)", value: $0.value) }
        }
        var problem: (any Error)?
        if communicator.rank == 0 {
            do {
                try folder.save(
                    state, parameters: RunTensors.all(of: task), optimizer: optimizer,
                    keeping: plan.config.keepLast)
            } catch {
                problem = error
            }
        }
        let problems = try communicator.gatherForAll(problem.map { "\($0)" } ?? "")
        if let problem { throw problem }
        if let text = problems.first(where: { !$0.isEmpty }) {
            throw CheckpointError.unwritable(file: folder.path, reason: "rank 0: \(text)")
        }
        saved = state.step
        note(.saved(path: folder.path(ofStep: state.step), step: state.step))
    }

    /// Names the samples of a step whose loss or gradients are no numbers, and ends the run.
    private func stopOn(_ batches: [Batch]) throws -> Never {
        let places = try communicator.gatherForAll(batches.flatMap { $0.items.map(\.place) })
        if communicator.rank == 0 {
            try RunFolder.write(
                NotFinite(
                    step: state.step, batches: batches.map(\.position),
                    samples: places.flatMap { $0 }), to: folder.notFinitePath)
        }
        note(.stopped(.notFinite(list: folder.notFinitePath), step: state.step))
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

/// How fast a run goes, over its last steps.
private struct Pace {
    private var last: [(tokens: Int, seconds: Double)] = []

    mutating func add(tokens: Int, seconds: Double) {
        last.append((tokens, seconds))
        if last.count > 20 { last.removeFirst() }
    }

    private var seconds: Double { last.reduce(0) { $0 + $1.seconds } }
    var lastSeconds: Double { last.last?.seconds ?? 0 }
    var secondsPerStep: Double { last.isEmpty ? 0 : seconds / Double(last.count) }
    var tokensPerSecond: Double {
        seconds > 0 ? Double(last.reduce(0) { $0 + $1.tokens }) / seconds : 0
    }
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
