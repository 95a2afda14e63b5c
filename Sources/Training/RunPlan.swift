import DataPipeline

/// How a run goes: batches, steps and rates, worked out before anything is loaded.
public struct RunPlan: Sendable {
    /// Such as `stage_1`.
    public let task: String
    /// The settings that every run has.
    public let config: RunConfig
    /// The optimiser's side.
    public let engine: EngineConfig
    /// All settings as resolved, by dotted key.
    public let values: [String: String]
    /// The same as a file.
    public let text: String
    /// Processes that train together.
    public let ranks: Int
    /// Samples of one batch of the sampler, over all ranks; a step has `accumulation` of them.
    public let globalBatch: Int
    /// Batches of the sampler in one step.
    public let accumulation: Int
    /// Samples that a rank computes at a time.
    public let microBatch: Int
    /// Batches of the sampler in one epoch.
    public let batchesPerEpoch: Int
    /// Optimiser steps that the run takes.
    public let steps: Int
    /// The learning rate over them.
    public let learningRate: LearningRate
    /// What was corrected or has no effect, one sentence each, to be printed.
    public let notes: [String]

    /// Samples of one optimiser step, over all ranks.
    public var batchSize: Int { globalBatch * accumulation }
    /// The largest norm of the gradients, where there is a limit.
    public var clip: Double? { engine.gradientClipping > 0 ? engine.gradientClipping : nil }

    /// Works out batches and steps.
    ///
    /// - Parameters:
    ///   - sizes: samples to train on in each dataset of `dataset_name_list`, in its order
    ///   - ranks: processes that train together
    ///   - globalBatch: of the run that goes on, whatever its ranks were; nil for a new one
    ///   - unused: the task's keys and the command line's flags that were given and have no effect,
    ///     to be named with the engine's
    /// - Throws: `SettingsError` for a run without a step, or a dataset without a batch
    public init(
        task: String, settings: RunSettings<some Any>, sizes: [Int], ranks: Int = 1,
        globalBatch: Int? = nil, unused: [String] = []
    ) throws {
        let (config, engine) = (settings.run, settings.engine)
        precondition(
            sizes.count == config.datasetNameList.count, "RunPlan: a size for each dataset")
        (self.task, self.config, self.engine, self.ranks) = (task, config, engine, ranks)
        (values, text) = (settings.values, settings.text)
        microBatch = engine.trainMicroBatchSizePerGpu
        accumulation = engine.gradientAccumulationSteps
        let globalBatch = globalBatch ?? microBatch * ranks
        guard globalBatch >= ranks else {
            throw SettingsError.badValue(
                key: "ranks", file: "mpirun", found: "\(ranks)",
                expected: "at most \(globalBatch), the samples of a batch of this run")
        }
        self.globalBatch = globalBatch
        for (name, size) in zip(config.datasetNameList, sizes) where size < globalBatch {
            throw SettingsError.badValue(
                key: "dataset_name_list", file: "the settings",
                found: "'\(name)', of \(size) samples",
                expected: "datasets of one batch or more: \(globalBatch). Use fewer ranks, a "
                    + "smaller train_micro_batch_size_per_gpu, or leave it out")
        }
        batchesPerEpoch = try BlendedSampler(
            sizes: sizes, globalBatch: globalBatch, ranks: ranks, seed: config.seed
        ).batchesPerEpoch
        let batches = config.epochs * batchesPerEpoch
        let possible = batches / accumulation
        guard possible > 0 else {
            throw SettingsError.badValue(
                key: "gradient_accumulation_steps", file: "the settings",
                found: "\(accumulation)",
                expected: "at most \(batches), the batches of all epochs. Lower it, or raise epochs"
            )
        }
        steps = min(possible, config.maxSteps ?? possible)
        // The reference counts every dataset as large as the largest, and rounds down.
        let counted =
            config.epochs * (sizes.max() ?? 0) * sizes.count / (globalBatch * accumulation)
        let total = max(1, min(counted, config.maxSteps ?? counted))
        learningRate = engine.learningRate(
            steps: total, warmupSteps: max(10, Int(Double(total) * config.warmupRate)))
        let ignored = engine.unusedKeys + unused
        notes =
            RunPlan.notes(engine, globalBatch: globalBatch, ranks: ranks) + engine.notes
            + (ignored.isEmpty ? [] : ["without effect: \(ignored.joined(separator: ", "))."])
    }

    private static func notes(
        _ engine: EngineConfig, globalBatch: Int, ranks: Int
    ) -> [String] {
        let (micro, accumulation) = (
            engine.trainMicroBatchSizePerGpu, engine.gradientAccumulationSteps
        )
        if globalBatch != micro * ranks {
            return [
                "the run began with batches of \(globalBatch) samples and goes on with them, "
                    + "spread over \(ranks) ranks."
            ]
        }
        let size = globalBatch * accumulation
        guard let stated = engine.trainBatchSize, stated != size else { return [] }
        return [
            "train_batch_size is \(stated), but \(micro) (micro) × \(accumulation) (accumulation) "
                + "× \(ranks) (ranks) = \(size): training with \(size)."
        ]
    }
}
