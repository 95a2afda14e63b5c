import DataPipeline

/// The optimiser's side of a stage, in the layout of DeepSpeed's files (`dsconfig/stage_N.json`, or
/// the same keys as YAML).
public struct EngineConfig: Codable, Equatable, Sendable {
    public var trainBatchSize: Int?
    public var trainMicroBatchSizePerGpu: Int
    public var gradientAccumulationSteps: Int
    public var stepsPerPrint: Int?
    public var gradientClipping: Double
    public var zeroOptimization: ZeroOptimization?
    public var fp16: HalfPrecision?
    public var bf16: BrainPrecision?
    public var optimizer: Optimizer
    public var scheduler: Scheduler
    public var activationCheckpointing: ActivationCheckpointing?

    /// How optimiser state is spread over the ranks.
    public struct ZeroOptimization: Codable, Equatable, Sendable {
        public struct Offload: Codable, Equatable, Sendable { public var device: String }
        public var stage: Int
        public var offloadOptimizer: Offload?
        public var contiguousGradients: Bool?
        public var allgatherBucketSize: Int?
        public var allgatherPartitions: Bool?
    }

    /// 16-bit floating point with a loss scale; we store bfloat16 and need none.
    public struct HalfPrecision: Codable, Equatable, Sendable {
        public var enabled: Bool
        public var optLevel: String?
        public var lossScale: Double?
        public var lossScaleWindow: Int?
        public var initialScalePower: Int?
        public var hysteresis: Int?
        public var minLossScale: Double?
    }

    /// bfloat16. The reference's files say `enable`, which its engine does not know; both are read.
    public struct BrainPrecision: Codable, Equatable, Sendable {
        public var enabled: Bool?
        public var enable: Bool?
    }

    /// `Adam` means decoupled weight decay (AdamW), as in DeepSpeed.
    public struct Optimizer: Codable, Equatable, Sendable {
        public struct Parameters: Codable, Equatable, Sendable {
            public var lr: Double
            public var betas: [Double]
            public var eps: Double
            public var weightDecay: Double
        }
        public var type: String
        public var params: Parameters
    }

    /// The learning rate over the run. Its step counts are replaced by the run plan's.
    public struct Scheduler: Codable, Equatable, Sendable {
        public struct Parameters: Codable, Equatable, Sendable {
            public var warmupMinLr: Double
            public var warmupMaxLr: Double
            public var warmupNumSteps: Int
            public var totalNumSteps: Int
        }
        public var type: String
        public var params: Parameters
    }

    /// Keys of the reference's files; its model never checkpoints activations.
    public struct ActivationCheckpointing: Codable, Equatable, Sendable {
        public var partitionActivations: Bool?
        public var cpuCheckpointing: Bool?
        public var contiguousMemoryOptimization: Bool?
        public var numberCheckpoints: Int?
        public var synchronizeCheckpointBoundary: Bool?
        public var profile: Bool?
    }

    /// Reads `stage_N.json`, or `stage_N.yaml` where there is no JSON.
    ///
    /// - Throws: `SettingsError`, with the file and the key
    public init(folder: String, stage: Stage) throws {
        let json = "\(folder)/stage_\(stage.rawValue).json"
        let settings: Settings
        do {
            settings = try Settings(contentsOf: json)
        } catch SettingsError.unreadable {
            settings = try Settings(contentsOf: "\(folder)/stage_\(stage.rawValue).yaml")
        }
        self = try settings.decode()
        func require(_ holds: Bool, _ key: String, _ found: some Any, _ expected: String) throws {
            guard !holds else { return }
            throw SettingsError.badValue(
                key: key, file: json, found: "\(found)", expected: expected)
        }
        let (micro, accumulation) = (trainMicroBatchSizePerGpu, gradientAccumulationSteps)
        try require(micro > 0, "train_micro_batch_size_per_gpu", micro, "more than 0")
        try require(
            accumulation > 0, "gradient_accumulation_steps", accumulation, "more than 0")
        try require(
            ["Adam", "AdamW"].contains(optimizer.type), "optimizer.type", optimizer.type,
            "Adam or AdamW")
        try require(
            optimizer.params.betas.count == 2, "optimizer.params.betas", optimizer.params.betas,
            "two numbers")
        try require(
            scheduler.type == "WarmupDecayLR", "scheduler.type", scheduler.type, "WarmupDecayLR")
    }
}
