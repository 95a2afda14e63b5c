import DataPipeline

/// Where a run stands, beside its tensors: `state.json` of a checkpoint.
struct RunState: Codable, Equatable {
    static let currentFormat = 1

    var format = RunState.currentFormat
    var task: String
    /// Optimiser steps completed.
    var step: Int
    var steps: Int
    /// Samples of a batch over all ranks, and batches of a step: with the step, the position in the
    /// data.
    var globalBatch: Int
    var accumulation: Int
    /// Samples of each dataset: another number is another order.
    var samples: [String: Int]
    /// The task's own words on what it trains.
    var identity: [String: String]
    /// The settings as resolved, by dotted key.
    var config: [String: String]
    /// The best evaluation so far, and how many since were not better.
    var best: Best?
    var worseEvaluations = 0
    /// Samples so far that were unusable, and that were too long.
    var bad = 0
    var dropped = 0

    struct Best: Codable, Equatable {
        var step: Int
        var loss: Double
    }

    /// Checks that a run with these settings goes on where this one was.
    ///
    /// - Returns: settings that differ and may: one sentence
    /// - Throws: `RunError.otherRun`, `.changed`
    func check(
        _ task: some TrainingTask, plan: RunPlan, data: TrainingData, folder: String
    ) throws -> String? {
        var others = RunState.changes(["task": self.task], ["task": task.name])
        others += RunState.changes(identity, task.identity)
        guard others.isEmpty else {
            throw RunError.otherRun(folder: folder, changes: others)
        }
        let changes = RunState.changes(config, plan.values)
        let counts = data.training.map { ($0.entry.name, $0.count) }
        let sizes = Dictionary(counts) { first, _ in first }
        let keeps = task.contrastsMicroBatch
        let bound =
            RunState.changes(["steps": "\(steps)"], ["steps": "\(plan.steps)"])
            + changes.filter {
                !RunConfig.freeKeys.contains($0.name) || keeps && $0.name == RunState.microBatchKey
            }
            + RunState.changes(
                samples.mapValues { "\($0) samples" }, sizes.mapValues { "\($0) samples" })
            + (keeps ? changedRanks(plan) : [])
        guard bound.isEmpty else {
            throw RunError.changed(folder: folder, changes: bound)
        }
        let free = changes.map { "\($0.name) was \($0.before), is \($0.now)" }
        return free.isEmpty ? nil : "goes on with other settings: \(free.joined(separator: "; "))."
    }

    private static let microBatchKey = "train_micro_batch_size_per_gpu"

    /// Ranks whose parts of a batch are not made of its first ranks' micro-batches.
    private func changedRanks(_ plan: RunPlan) -> [RunError.Change] {
        let isWhole = (1..<plan.ranks + 1).allSatisfy {
            ($0 * globalBatch / plan.ranks).isMultiple(of: plan.microBatch)
        }
        let before = globalBatch / plan.microBatch
        return isWhole ? [] : [.init(name: "ranks", before: "\(before)", now: "\(plan.ranks)")]
    }

    private static func changes(
        _ before: [String: String], _ now: [String: String]
    ) -> [RunError.Change] {
        Set(before.keys).union(now.keys).sorted().compactMap { key in
            let (old, new) = (before[key], now[key])
            return old == new
                ? nil : .init(name: key, before: old ?? "absent", now: new ?? "absent")
        }
    }
}
