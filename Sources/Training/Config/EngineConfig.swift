import DataPipeline
import TensorCore

/// The optimiser's side of a run, in the layout of DeepSpeed's files (`dsconfig/stage_N.json`, or
/// the same keys as YAML). Every key of the published files is obeyed or named in `notes`.
public struct EngineConfig: Codable, Equatable, Sendable {
    public var trainBatchSize: Int?
    public var trainMicroBatchSizePerGpu: Int
    public var gradientAccumulationSteps: Int
    public var stepsPerPrint: Int?
    /// The largest norm of all gradients together; 0 for no limit.
    public var gradientClipping: Double
    public var zeroOptimization: ZeroOptimization?
    public var fp16: HalfPrecision?
    public var bf16: BrainPrecision?
    public var optimizer: Optimizer
    public var scheduler: Scheduler
    public var activationCheckpointing: ActivationCheckpointing?
    /// The type in which ranks add up gradients: `fp32` or `bf16`.
    public var communicationDataType: CommunicationType?

    /// How optimiser state is spread over the ranks.
    public struct ZeroOptimization: Codable, Equatable, Sendable {
        public struct Offload: Codable, Equatable, Sendable { public var device: String }
        /// 0 and 1: every rank has all of it; 2: each has its share, and of the gradients too.
        public var stage: Int
        public var offloadOptimizer: Offload?
        public var contiguousGradients: Bool?
        /// Elements that ranks exchange at once.
        public var reduceBucketSize: Int?
        public var allgatherBucketSize: Int?
        public var allgatherPartitions: Bool?
    }

    /// 16-bit floating point with a loss scale; we store bfloat16.
    public struct HalfPrecision: Codable, Equatable, Sendable {
        public var enabled: Bool
        public var optLevel: String?
        /// 0 finds itself (dynamic).
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
        var isOn: Bool { enabled ?? enable ?? false }
    }

    /// What ranks add up in.
    public enum CommunicationType: String, Codable, Sendable { case fp32, bf16 }

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
            public var warmupMinLr: Double?
            /// The highest rate; the optimiser's where absent.
            public var warmupMaxLr: Double?
            public var warmupType: LearningRate.Warmup?
            public var warmupNumSteps: Int?
            public var totalNumSteps: Int?
            /// Share of the highest rate that a cosine ends at.
            public var cosMinRatio: Double?
        }
        public var type: LearningRate.Decay
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

    /// Ranges that types cannot express.
    func check(in settings: Settings) throws {
        let (micro, accumulation) = (trainMicroBatchSizePerGpu, gradientAccumulationSteps)
        try settings.require(micro > 0, "train_micro_batch_size_per_gpu", micro, "more than 0")
        try settings.require(
            accumulation > 0, "gradient_accumulation_steps", accumulation, "more than 0")
        try settings.require(
            (stepsPerPrint ?? 1) > 0, "steps_per_print", stepsPerPrint ?? 0, "more than 0")
        try settings.require(
            gradientClipping >= 0, "gradient_clipping", gradientClipping, "0 (no limit) or more")
        try settings.require(
            (0...2).contains(zeroOptimization?.stage ?? 0), "zero_optimization.stage",
            zeroOptimization?.stage ?? 0, "0, 1 or 2")
        let bucket = zeroOptimization?.reduceBucketSize ?? 1
        try settings.require(
            bucket > 0, "zero_optimization.reduce_bucket_size", bucket, "more than 0")
        let kinds = ["Adam", "AdamW"]
        try settings.require(
            kinds.contains(optimizer.type), "optimizer.type", optimizer.type, "Adam or AdamW")
        let params = optimizer.params
        try settings.require(params.lr > 0, "optimizer.params.lr", params.lr, "more than 0")
        try settings.require(
            params.betas.count == 2 && params.betas.allSatisfy { (0..<1).contains($0) },
            "optimizer.params.betas", params.betas, "two numbers from 0 to less than 1")
        try settings.require(params.eps > 0, "optimizer.params.eps", params.eps, "more than 0")
        try settings.require(
            params.weightDecay >= 0, "optimizer.params.weight_decay", params.weightDecay,
            "0 or more")
        let rates = scheduler.params
        let (lowest, highest) = (rates.warmupMinLr ?? 0, highestRate)
        try settings.require(
            (0...highest).contains(lowest) && highest > 0, "scheduler.params.warmup_max_lr",
            highest, "more than 0 and no less than warmup_min_lr (\(lowest))")
        let final = rates.cosMinRatio ?? 0
        try settings.require(
            (0...1).contains(final), "scheduler.params.cos_min_ratio", final, "0 to 1")
        try settings.require(
            (fp16?.lossScale ?? 0) >= 0, "fp16.loss_scale", fp16?.lossScale ?? 0,
            "0 (dynamic) or more")
        try settings.require(
            (0...32).contains(fp16?.initialScalePower ?? 16), "fp16.initial_scale_power",
            fp16?.initialScalePower ?? 16, "0 to 32")
    }

    /// The rate at the end of the warm-up.
    var highestRate: Double { scheduler.params.warmupMaxLr ?? optimizer.params.lr }

    /// Whether trained weights are stored as bfloat16, with float32 masters beside them.
    public var storesBrainFloat: Bool { fp16?.enabled == true || bf16?.isOn == true }

    /// The schedule of a run of that many steps.
    public func learningRate(steps: Int, warmupSteps: Int) -> LearningRate {
        let rates = scheduler.params
        return LearningRate(
            scheduler.type, warmup: rates.warmupType ?? .logarithmic,
            minimum: rates.warmupMinLr ?? 0, maximum: highestRate,
            final: highestRate * (rates.cosMinRatio ?? 0), warmupSteps: warmupSteps,
            totalSteps: steps)
    }

    /// The settings of the optimiser.
    public var optimizerConfig: OptimizerConfig {
        var config = OptimizerConfig()
        (config.beta1, config.beta2) = (optimizer.params.betas[0], optimizer.params.betas[1])
        config.epsilon = optimizer.params.eps
        config.weightDecay = optimizer.params.weightDecay
        config.lossScale = lossScale
        config.partitionsState = zeroOptimization?.stage == 2
        if communicationDataType == .bf16 { config.reduction = .bfloat16 }
        if let length = zeroOptimization?.reduceBucketSize { config.bucketLength = length }
        return config
    }

    private var lossScale: LossScale {
        guard let fp16, fp16.enabled else { return .none }
        if let scale = fp16.lossScale, scale > 0 { return .fixed(scale) }
        var dynamic = LossScale.Dynamic()
        if let power = fp16.initialScalePower { dynamic.initial = Double(1 << power) }
        if let window = fp16.lossScaleWindow { dynamic.window = window }
        if let hysteresis = fp16.hysteresis { dynamic.hysteresis = hysteresis }
        if let minimum = fp16.minLossScale { dynamic.minimum = minimum }
        return .dynamic(dynamic)
    }

    /// Whether gradients that are no numbers are to be expected now and then: where the scale finds
    /// itself.
    var expectsOverflow: Bool {
        if case .dynamic = lossScale { true } else { false }
    }

    /// What has another meaning here, one sentence each.
    var notes: [String] {
        var notes: [String] = []
        if optimizer.params.lr != highestRate {
            notes.append(
                "optimizer.params.lr \(optimizer.params.lr) is replaced by the schedule, whose "
                    + "highest rate is \(highestRate).")
        }
        if fp16?.enabled == true {
            notes.append("fp16: trained weights are stored as bfloat16, with float32 masters.")
        }
        return notes
    }

    /// The keys that were given and have no meaning here.
    var unusedKeys: [String] {
        let zero = zeroOptimization
        let rates = scheduler.params
        // What finds a scale has nothing to do where that is given, or there is none.
        let halves = expectsOverflow ? nil : fp16
        let isCosine = scheduler.type == .cosine
        let given: [(String, Bool)] = [
            ("zero_optimization.offload_optimizer", zero?.offloadOptimizer != nil),
            ("zero_optimization.contiguous_gradients", zero?.contiguousGradients != nil),
            ("zero_optimization.allgather_bucket_size", zero?.allgatherBucketSize != nil),
            ("zero_optimization.allgather_partitions", zero?.allgatherPartitions != nil),
            ("fp16.opt_level", fp16?.optLevel != nil),
            ("fp16.loss_scale", fp16?.lossScale != nil && lossScale == .none),
            ("fp16.loss_scale_window", halves?.lossScaleWindow != nil),
            ("fp16.initial_scale_power", halves?.initialScalePower != nil),
            ("fp16.hysteresis", halves?.hysteresis != nil),
            ("fp16.min_loss_scale", halves?.minLossScale != nil),
            ("scheduler.params.cos_min_ratio", rates.cosMinRatio != nil && !isCosine),
            ("scheduler.params.warmup_num_steps", rates.warmupNumSteps != nil),
            ("scheduler.params.total_num_steps", rates.totalNumSteps != nil),
            ("activation_checkpointing", activationCheckpointing != nil),
        ]
        return given.filter(\.1).map(\.0)
    }
}
