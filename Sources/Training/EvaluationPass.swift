import DataPipeline
import TensorCore

/// A pass over the held-out samples, spread over the ranks.
struct EvaluationPass<Task: TrainingTask> {
    private let task: Task
    private let plan: RunPlan
    private let data: TrainingData
    private let communicator: Communicator

    init(_ task: Task, plan: RunPlan, data: TrainingData, communicator: Communicator) {
        (self.task, self.plan, self.data) = (task, plan, data)
        self.communicator = communicator
    }

    /// What ranks tell each other of their shares.
    private struct Share: Codable {
        var sums = LossSums()
        var counts = UnitCounts()
        /// Samples that this rank could not use and that rank 0 has not heard of.
        var named: [BadSample] = []
    }

    /// The losses over all of it, and what they are means over. The noise of one pass is that of
    /// every other: their losses can be compared.
    func run(
        quarantine: Quarantine
    ) throws -> (sums: LossSums, counts: [String: [LossUnit: Int]]) {
        var share = Share()
        var (number, first) = (0, 0)
        for dataset in data.heldOut {
            for start in stride(from: 0, to: dataset.count, by: plan.microBatch) {
                defer { number += 1 }
                guard number % communicator.size == communicator.rank else { continue }
                let end = min(start + plan.microBatch, dataset.count)
                let items = try items(of: dataset, start..<end, quarantine)
                if !items.isEmpty { try add(items, first + start, to: &share) }
            }
            first += dataset.count
        }
        share.named = quarantine.takeNew()
        let shares = try communicator.gatherForAll(share)
        try quarantine.record(shares.map(\.named), communicator)
        return (
            shares.reduce(into: LossSums()) { $0 += $1.sums },
            shares.reduce(into: UnitCounts()) { $0 += $1.counts }.all
        )
    }

    private func add(_ items: [Task.Item], _ first: Int, to share: inout Share) throws {
        let moment = TrainingMoment(
            seed: plan.config.seed, step: 0, firstSample: first, isTraining: false)
        for (index, phase) in task.phases.enumerated() {
            share.counts.add(task.counts(of: items, in: index), in: phase.name)
            share.sums.add(
                try task.loss(of: items, in: index, at: moment), in: phase.name,
                isFirst: index == 0, samples: items.count)
        }
    }

    /// Samples made ready; one that cannot be used is named in the quarantine and left out.
    private func items(
        of dataset: DialogueDataset, _ range: Range<Int>, _ quarantine: Quarantine
    ) throws -> [Task.Item] {
        try range.compactMap { index in
            do {
                return try task.prepare(dataset.sample(index))
            } catch {
                try quarantine.add(
                    BadSample(
                        dataset: dataset.entry.name, place: dataset.place(of: index),
                        reason: "\(error)"))
                return nil
            }
        }
    }

    /// What the networks make of the first held-out samples, each dataset in turn.
    func previews(at step: Int, quarantine: Quarantine) throws -> [Preview] {
        guard plan.config.previews > 0, !data.heldOut.isEmpty else { return [] }
        let items = try (0..<plan.config.previews).flatMap { number in
            let dataset = data.heldOut[number % data.heldOut.count]
            let index = number / data.heldOut.count
            guard index < dataset.count else { return [Task.Item]() }
            return try self.items(of: dataset, index..<index + 1, quarantine)
        }
        let moment = TrainingMoment(seed: plan.config.seed, step: step, isTraining: false)
        return try task.previews(of: items, at: moment)
    }
}

extension Quarantine {
    /// Names what all ranks found. Collective where any but the first has.
    ///
    /// - Parameter found: by rank, the same on all
    /// - Throws: `DatasetError.tooManyBad` on rank 0, `CommunicatorError` elsewhere
    func record(_ found: [[BadSample]], _ communicator: Communicator) throws {
        let samples = found.flatMap(\.self)
        guard !samples.isEmpty else { return }
        try communicator.onRankZero {
            for sample in samples { try add(sample) }
        }
    }
}
