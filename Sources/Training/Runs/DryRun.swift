import DataPipeline
import TensorCore

/// What a run would do: every file was looked at, one sample of each dataset laid out, and one
/// micro-batch computed there and back for the clock. Nothing was written.
public struct DryRun: Codable, Sendable {
    /// One sample as training sees it.
    public struct Layout: Codable, Sendable {
        public let dataset: String
        /// As a table; nil for tasks whose samples are no sequences.
        public let table: String?
    }

    public let summary: RunSummary
    public let layouts: [Layout]
    /// Seconds of one optimiser step, and of all, by the micro-batch that was computed and the
    /// sample that was made ready.
    public let secondsPerStep: Double
    public let seconds: Double
    /// Bytes that the pass took at most, its gradients among them, and what optimisers will add.
    public let peakBytes: Int
    public let optimizerBytes: Int
}

extension TrainingRun {
    /// Works out what the run would do.
    ///
    /// - Throws: what is wrong with the first samples
    public func dryRun() throws -> DryRun { try dryRun(of: task) }

    private func dryRun<Task: TrainingTask>(of task: Task) throws -> DryRun {
        var layouts: [DryRun.Layout] = []
        var (slowest, slowestSample) = (0.0, 0.0)
        for dataset in data.training {
            let sample = try firstUsable(of: dataset, task)
            layouts.append(
                .init(
                    dataset: dataset.entry.name,
                    table: try sample.map { try task.layout(of: $0.sample) } ?? nil))
            guard let item = sample?.item else { continue }
            slowestSample = max(slowestSample, sample?.seconds ?? 0)
            let items = Array(repeating: item, count: plan.microBatch)
            let start = ContinuousClock.now
            for phase in task.phases.indices {
                let moment = TrainingMoment(seed: plan.config.seed, step: 0)
                let total = try withGradients {
                    try task.loss(of: items, in: phase, at: moment)
                        .total(per: task.counts(of: items, in: phase))
                }
                if let total, total.isTracked { _ = total.backward() }
            }
            slowest = max(slowest, start.duration(to: .now).seconds)
        }
        let samples = (plan.globalBatch + plan.ranks - 1) / plan.ranks
        let pieces = (samples + plan.microBatch - 1) / plan.microBatch
        // Workers share the cores with the steps: what they take is not hidden behind those.
        let loading = slowestSample * Double(samples) / Double(plan.config.workers)
        let perStep = (slowest * Double(pieces) + loading) * Double(plan.accumulation)
        return DryRun(
            summary: summary, layouts: layouts, secondsPerStep: perStep,
            seconds: perStep * Double(plan.steps - summary.completed),
            peakBytes: Machine.peakMemoryBytes, optimizerBytes: optimizerBytes)
    }

    private func firstUsable<Task: TrainingTask>(
        of dataset: DialogueDataset, _ task: Task
    ) throws -> (sample: DialogueSample, item: Task.Item, seconds: Double)? {
        var problem: (any Error)?
        for index in 0..<min(dataset.count, 100) {
            do {
                let start = ContinuousClock.now
                let sample = try dataset.sample(index)
                if let item = try task.prepare(sample) {
                    return (sample, item, start.duration(to: .now).seconds)
                }
            } catch {
                problem = problem ?? error
            }
        }
        if let problem { throw problem }
        return nil
    }

    /// Moments and masters of what moves, on this rank.
    private var optimizerBytes: Int {
        let shares = plan.engine.optimizerConfig.partitionsState ? plan.ranks : 1
        return task.phases.reduce(0) { sum, phase in
            phase.parameters.reduce(sum) { sum, parameter in
                let hasMaster = phase.storage(of: parameter) != .float32
                return sum + parameter.value.count * 4 * (hasMaster ? 3 : 2)
            }
        } / shares
    }
}

extension DryRun: CustomStringConvertible {
    /// For a terminal.
    public var description: String {
        var lines = [summary.description]
        for layout in layouts {
            guard let table = layout.table else { continue }
            lines += ["\(layout.dataset), its first sample:", table]
        }
        lines.append(
            "about \(clock(seconds)) (\(fixed(secondsPerStep, 3)) s a step), "
                + "\((peakBytes + optimizerBytes) >> 20) MiB of memory, "
                + "\(optimizerBytes >> 20) MiB of it the optimiser's")
        lines.append("Nothing was written.")
        return lines.joined(separator: "\n")
    }
}

extension RunSummary: CustomStringConvertible {
    /// A few lines for people.
    public var description: String {
        var lines = ["\(task): \(steps) steps of \(batchSize) samples"]
        lines[0] +=
            " (\(microBatch) at a time, \(accumulation) accumulated, \(ranks) "
            + (ranks == 1 ? "rank)" : "ranks)")
        if completed > 0 { lines.append("goes on after step \(completed)") }
        lines.append("trained:")
        for group in groups {
            let phase = group.phase == "all" ? "" : "\(group.phase): "
            lines.append("  \(phase)\(group.name): \(group.parameters) in \(group.tensors) tensors")
        }
        lines.append("  in all: \(groups.reduce(0) { $0 + $1.parameters })")
        if let parameters { lines.append("\(parameters)") }
        lines.append("data:")
        for set in data {
            let held = set.heldOut > 0 ? ", \(set.heldOut) held out" : ""
            lines.append("  \(set.name) (\(set.type)): \(set.samples) samples\(held)")
        }
        lines += notes.map { "note: \($0)" }
        return lines.joined(separator: "\n")
    }
}
