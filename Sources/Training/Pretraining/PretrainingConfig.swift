import DataPipeline

/// Settings of a component's own training: what all share, under the keys of the stages' files, and
/// the recipe of one.
///
/// `train` may hold the keys of `warmup_rate`, `epochs` and `dataset_name_list`, as there.
public struct PretrainingConfig<Recipe: Codable & Sendable>: Codable, Sendable {
    /// Which component, as `--task` names it.
    public var task: PretrainingTask
    /// Of fresh weights, the order of samples, and all that is drawn on the way.
    public var seed: UInt64
    public var loggingStep: Int
    public var warmupRate: Double
    public var epochs: Int
    public var datasetNameList: [String]
    /// Batch, optimiser and schedule, as in `dsconfig/stage_N.json`.
    public var engine: EngineConfig
    /// What only this component has.
    public var recipe: Recipe

    /// Reads a file; `key=value` assignments win over it.
    ///
    /// - Throws: `SettingsError`, with the file or argument and the key
    public init(contentsOf file: String, assignments: [String] = []) throws {
        let settings = try PretrainingSettings.settings(file, assignments)
        self = try settings.decode()
        func require(_ holds: Bool, _ key: String, _ found: some Any, _ expected: String) throws {
            guard !holds else { return }
            throw SettingsError.badValue(
                key: key, file: file, found: "\(found)", expected: expected)
        }
        try require(epochs > 0, "epochs", epochs, "more than 0")
        try require(
            (0...1).contains(warmupRate), "warmup_rate", warmupRate, "a share between 0 and 1")
        try require(!datasetNameList.isEmpty, "dataset_name_list", "empty", "at least one name")
        let (micro, accumulation) = (
            engine.trainMicroBatchSizePerGpu, engine.gradientAccumulationSteps
        )
        try require(micro > 0, "engine.train_micro_batch_size_per_gpu", micro, "more than 0")
        try require(
            accumulation > 0, "engine.gradient_accumulation_steps", accumulation, "more than 0")
    }
}

/// What a run needs to know of a pre-training file beside the recipe, whichever component it is for.
public struct PretrainingSettings: Sendable {
    public let task: PretrainingTask
    public let seed: UInt64
    public let loggingStep: Int
    public let warmupRate: Double
    public let epochs: Int
    public let datasetNameList: [String]
    public let engine: EngineConfig

    init<Recipe>(_ config: PretrainingConfig<Recipe>) {
        (task, seed, loggingStep) = (config.task, config.seed, config.loggingStep)
        (warmupRate, epochs) = (config.warmupRate, config.epochs)
        (datasetNameList, engine) = (config.datasetNameList, config.engine)
    }

    /// The file with what lies over it.
    static func settings(_ file: String, _ assignments: [String]) throws -> Settings {
        var settings = try Settings(contentsOf: file)
        settings.hoist("train", dropping: [])
        for assignment in assignments { try settings.set(assignment) }
        return settings
    }
}
