import DataPipeline

/// The settings of a run that every task has: how long, on what, and what is kept of it.
///
/// Key names are the reference's where it has them, in snake case; what each means stands beside its
/// value in `Configs/base.yaml`.
public struct RunConfig: Codable, Equatable, Sendable {
    public var seed: UInt64
    public var epochs: Int
    public var warmupRate: Double
    public var datasetNameList: [String]
    public var loggingStep: Int
    /// Optimiser steps at most; nil leaves it to the epochs.
    public var maxSteps: Int?

    /// Steps from one checkpoint to the next; 0 for none but the last.
    public var saveEvery: Int
    public var keepLast: Int

    /// Steps from one evaluation to the next; 0 for none, and then nothing is held out.
    public var evaluateEvery: Int
    /// Share of each dataset that only evaluations see.
    public var heldOut: Double
    /// Held-out samples of each dataset at most.
    public var maxHeldOut: Int
    /// Evaluations without a better loss after which the run ends; nil never ends it early.
    public var patience: Int?
    /// Held-out samples that are shown after each evaluation.
    public var previews: Int

    /// Samples that may be unusable.
    public var maxBad: Int
    /// Samples that are loaded at a time, and batches ahead.
    public var workers: Int
    public var prefetch: Int

    /// Keys that change nothing about what is trained: a run may go on with others.
    static let freeKeys: Set = [
        "logging_step", "save_every", "keep_last", "previews", "preview_steps", "max_bad",
        "workers", "prefetch",
        "patience", "steps_per_print", "train_batch_size", "train_micro_batch_size_per_gpu",
    ]

    /// Ranges that types cannot express.
    func check(in settings: Settings) throws {
        try settings.require(epochs > 0, "epochs", epochs, "more than 0")
        try settings.require(
            (0...1).contains(warmupRate), "warmup_rate", warmupRate, "a share between 0 and 1")
        try settings.require(
            !datasetNameList.isEmpty, "dataset_name_list", "empty", "at least one name")
        try settings.require(loggingStep > 0, "logging_step", loggingStep, "more than 0")
        try settings.require(
            (maxSteps ?? 1) > 0, "max_steps", maxSteps ?? 0, "more than 0, or nothing")
        try settings.require(saveEvery >= 0, "save_every", saveEvery, "0 (never) or more")
        try settings.require(keepLast > 0, "keep_last", keepLast, "more than 0")
        try settings.require(
            evaluateEvery >= 0, "evaluate_every", evaluateEvery, "0 (never) or more")
        try settings.require((0..<1).contains(heldOut), "held_out", heldOut, "a share, less than 1")
        try settings.require(maxHeldOut > 0, "max_held_out", maxHeldOut, "more than 0")
        try settings.require(
            (patience ?? 1) > 0, "patience", patience ?? 0, "more than 0, or nothing")
        try settings.require(
            patience == nil || evaluateEvery > 0, "patience", patience ?? 0,
            "nothing, because evaluate_every is 0")
        try settings.require(previews >= 0, "previews", previews, "0 or more")
        try settings.require(maxBad >= 0, "max_bad", maxBad, "0 or more")
        try settings.require((1...64).contains(workers), "workers", workers, "1 to 64")
        try settings.require((1...1024).contains(prefetch), "prefetch", prefetch, "1 to 1024")
    }
}
