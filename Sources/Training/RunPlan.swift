public import DataPipeline

/// What a run will do, worked out before anything is loaded.
public struct RunPlan: Sendable {
    /// Which stage.
    public let stage: Stage
    /// Its settings.
    public let config: TrainingConfig
    /// Its datasets, in list order.
    public let datasets: [DatasetEntry]
    /// Samples of one optimiser step, over all ranks.
    public let batchSize: Int
    /// Batches in one epoch that every rank runs forward and backward.
    public let batchesPerEpoch: Int
    /// Optimiser steps by which the schedule ends.
    public let totalSteps: Int
    /// The learning rate over them.
    public let schedule: WarmupDecayLR
    /// What was corrected or has no effect, one sentence each, to be printed.
    public let notes: [String]

    /// Works out batches and steps, and checks that the stage can use each dataset.
    ///
    /// - Parameters:
    ///   - sizes: samples in each dataset of `config.datasetNameList`, in its order
    ///   - ranks: processes that train together
    /// - Throws: `SettingsError` for a dataset that is unknown or of the wrong type;
    ///   `DatasetError.tooSmall`
    public init(
        stage: Stage, config: TrainingConfig, engine: EngineConfig, catalog: Catalog,
        sizes: [Int], ranks: Int = 1
    ) throws {
        datasets = try config.datasetNameList.map { name in
            let entry = try catalog.entry(name)
            guard stage.accepted.contains(entry.type) else {
                throw SettingsError.badValue(
                    key: "dataset_name_list", file: "stage_\(stage.rawValue).yaml",
                    found: "'\(name)', of type \(entry.type.rawValue)",
                    expected: stage.accepted.map(\.rawValue).joined(separator: ", "))
            }
            return entry
        }
        precondition(sizes.count == datasets.count, "RunPlan: a size for each dataset")
        let (micro, accumulation) = (
            engine.trainMicroBatchSizePerGpu, engine.gradientAccumulationSteps
        )
        batchSize = micro * accumulation * ranks
        batchesPerEpoch = try BlendedSampler(
            sizes: sizes, microBatch: micro, ranks: ranks, seed: config.seed
        ).batchesPerEpoch
        // The reference counts every dataset as large as the largest.
        let samples = (sizes.max() ?? 0) * sizes.count
        totalSteps = config.epochs * samples / batchSize
        let rates = engine.scheduler.params
        schedule = WarmupDecayLR(
            minimum: rates.warmupMinLr, maximum: rates.warmupMaxLr,
            warmupSteps: max(10, Int(Double(totalSteps) * config.warmupRate)),
            totalSteps: totalSteps)
        notes = RunPlan.notes(config, engine, batchSize: batchSize, ranks: ranks)
        self.stage = stage
        self.config = config
    }

    private static func notes(
        _ config: TrainingConfig, _ engine: EngineConfig, batchSize: Int, ranks: Int
    ) -> [String] {
        var notes: [String] = []
        if let stated = engine.trainBatchSize, stated != batchSize {
            notes.append(
                "train_batch_size is \(stated), but \(engine.trainMicroBatchSizePerGpu) (micro) × "
                    + "\(engine.gradientAccumulationSteps) (accumulation) × \(ranks) (ranks) = "
                    + "\(batchSize): training with \(batchSize).")
        }
        if engine.optimizer.params.lr != engine.scheduler.params.warmupMaxLr {
            notes.append(
                "optimizer.params.lr \(engine.optimizer.params.lr) is replaced by the schedule, "
                    + "whose highest rate is \(engine.scheduler.params.warmupMaxLr).")
        }
        if engine.fp16?.enabled == true {
            notes.append("fp16 is stored as bfloat16 here, which needs no loss scale.")
        }
        if !config.unusedKeys.isEmpty {
            notes.append("without effect: \(config.unusedKeys.joined(separator: ", ")).")
        }
        return notes
    }
}
