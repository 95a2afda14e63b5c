public import TensorCore

/// What ImageBind knows beside pictures, sounds and texts.
public enum ImageBindSensor: String, CaseIterable, Sendable {
    /// Disparity: the nearer, the larger.
    case depth
    /// Heat, as a grey picture.
    case thermal
    /// Accelerations and turns of a body.
    case imu
}

/// One of ImageBind's towers of depth, heat and motion: measurements to the space of images, sounds
/// and texts. The assistant needs none of them, so that each is a network of its own.
///
/// - Checkpoint: in `imagebind_huge.pth` under `modality_{preprocessors,trunks,heads}.{depth,thermal,
///   imu}`, names as published
public struct ImageBindSensorTower: Sendable {
    /// What it reads.
    public let sensor: ImageBindSensor
    private let stem: @Sendable (Tensor) -> Tensor
    private let trunk: ImageBindTrunk
    private let head: ImageBindHead
    private let logitScale: Float
    /// Axes of one sample.
    private let sampleRank: Int

    /// Reads or draws one tower of a file.
    ///
    /// - Throws: `ConfigError` for sizes no tower can have, or a file without this one;
    ///   `CheckpointError`
    public init(
        _ sensor: ImageBindSensor, of config: ImageBindConfig, from weights: Weights
    ) throws {
        func sizes<Config>(_ sizes: Config?) throws -> Config {
            guard let sizes else {
                throw ConfigError.unsupported(
                    config: "ImageBind", key: sensor.rawValue, found: "absent",
                    expected: "the sizes of that tower")
            }
            return sizes
        }
        let width = config.embeddingWidth
        switch sensor {
        case .depth: try self.init(sensor, sizes(config.depth), width, weights)
        case .thermal: try self.init(sensor, sizes(config.thermal), width, weights)
        case .imu: try self.init(sizes(config.imu), width, weights)
        }
    }

    private init(
        _ sensor: ImageBindSensor, _ config: ImageBindPictureConfig, _ embeddingWidth: Int,
        _ weights: Weights
    ) throws {
        try config.validate(sensor.rawValue)
        let preprocessor = weights["modality_preprocessors"][sensor.rawValue]
        let stem = try ImageBindStem(
            config, stem: sensor == .depth ? "depth_stem" : "rgbt_stem", from: preprocessor)
        self.stem = { stem($0) }
        self.sensor = sensor
        sampleRank = 3
        logitScale = config.logitScale
        trunk = try ImageBindTrunk(
            config.trunk, from: weights["modality_trunks"][sensor.rawValue])
        head = try ImageBindHead(
            config.trunk.width, embeddingWidth, from: weights["modality_heads"][sensor.rawValue])
    }

    private init(
        _ config: ImageBindMotionConfig, _ embeddingWidth: Int, _ weights: Weights
    ) throws {
        try config.validate("imu")
        let stem = try ImageBindMotionStem(config, from: weights["modality_preprocessors.imu"])
        self.stem = { stem($0) }
        sensor = .imu
        sampleRank = 2
        logitScale = config.logitScale
        trunk = try ImageBindTrunk(config.trunk, from: weights["modality_trunks.imu"])
        head = try ImageBindHead(
            config.trunk.width, embeddingWidth, place: 3, from: weights["modality_heads.imu"])
    }

    /// What the published file holds beside this tower, as patterns.
    public var unusedTensors: [String] {
        (["vision", "text", "audio"] + ImageBindSensor.allCases.map(\.rawValue))
            .filter { $0 != sensor.rawValue }
            .flatMap { tower in
                ["preprocessors", "trunks", "heads"].map { "modality_\($0).\(tower).*" }
            } + ["modality_postprocessors.*"]
    }

    /// One vector for each sample: a unit vector, or the mean of its clips' unit vectors.
    ///
    /// - Shapes: pictures `[batch, 1, size, size]` or `[batch, clips, 1, size, size]`, motion
    ///   `[batch, channels, samples]` or `[batch, clips, channels, samples]` →
    ///   `[batch, embeddingWidth]`
    /// - Parameter scaling: multiplies them by the published logit scale, as upstream does to compare
    ///   modalities
    /// - Source: `ImageBindModel.forward`; pictures of heat are grey from 0 to 1, not normalised
    public func embed(_ input: Tensor, scaling: Bool = false) -> Tensor {
        let hasClips = input.rank == sampleRank + 2
        let flat = hasClips ? input.flattened(0...1) : input
        var unit = head(trunk(stem(flat))).normalized()
        if hasClips { unit = unit.reshaped([input.shape[0], input.shape[1], -1]).mean([1]) }
        return scaling ? unit * logitScale : unit
    }
}

/// Stretches of measurements as tokens, a class token before them, and learnt positions.
///
/// - Shapes: `[batch, channels, samples]` → `[batch, 1 + patches, width]`
private struct ImageBindMotionStem: Sendable {
    private let config: ImageBindMotionConfig
    private let projection: Linear
    private let norm: LayerNorm
    private let classToken: Parameter
    private let positions: Parameter

    init(_ config: ImageBindMotionConfig, from weights: Weights) throws {
        self.config = config
        let (width, stem) = (config.trunk.width, weights["imu_stem"])
        projection = try Linear(
            config.channels * config.samplesPerPatch, width, bias: false, from: stem["proj"])
        norm = try LayerNorm(width, epsilon: 1e-5, from: stem["norm_layer"])
        classToken = try weights.parameter("cls_token", [1, 1, width], initial: .normal(0.02))
        positions = try weights.parameter(
            "pos_embed", [1, 1 + config.patches, width], initial: .normal(0.01))
    }

    func callAsFunction(_ input: Tensor) -> Tensor {
        precondition(
            Array(input.shape.dropFirst()) == [config.channels, config.samples],
            "ImageBind: motion \(input.shape), expected [batch, \(config.channels), "
                + "\(config.samples)]")
        let batch = input.shape[0]
        // What one token covers: all channels, each with its samples in order.
        let windows = input.reshaped([batch, config.channels, config.patches, -1])
            .transposed(1, 2).reshaped([batch, config.patches, -1])
        let tokens = norm(projection(windows))
        let start = classToken.value.real.broadcast(to: [batch, 1, tokens.shape[2]])
        return Tensor.concatenate([start, tokens], axis: 1) + positions.value
    }
}

/// The tower of pictures with one channel.
public struct ImageBindPictureConfig: Codable, Equatable, Sendable {
    public var trunk: ImageBindTrunkConfig
    /// Pixels along each side.
    public var imageSize: Int
    /// Pixels along each side of a patch, and from one to the next.
    public var patchSize: Int
    /// What upstream multiplies an embedding by.
    public var logitScale: Float

    /// All of them.
    public init(trunk: ImageBindTrunkConfig, imageSize: Int, patchSize: Int, logitScale: Float) {
        self.trunk = trunk
        self.imageSize = imageSize
        self.patchSize = patchSize
        self.logitScale = logitScale
    }

    /// Patches of a picture; each is a token.
    var patches: Int { (imageSize / patchSize) * (imageSize / patchSize) }

    func validate(_ key: String) throws {
        try trunk.validate("\(key).trunk")
        try ConfigError.require(
            "ImageBind", sizes: ["\(key).image_size": imageSize, "\(key).patch_size": patchSize])
        try ConfigError.require("ImageBind", "\(key).patch_size", patchSize, in: 1...imageSize)
    }
}

/// The tower of motion.
public struct ImageBindMotionConfig: Codable, Equatable, Sendable {
    public var trunk: ImageBindTrunkConfig
    /// Accelerations and turns, three each in the published one.
    public var channels: Int
    /// Measurements of each.
    public var samples: Int
    /// Measurements that one token covers, and from one to the next.
    public var samplesPerPatch: Int
    /// What upstream multiplies an embedding by.
    public var logitScale: Float

    /// All of them.
    public init(
        trunk: ImageBindTrunkConfig, channels: Int, samples: Int, samplesPerPatch: Int,
        logitScale: Float
    ) {
        self.trunk = trunk
        self.channels = channels
        self.samples = samples
        self.samplesPerPatch = samplesPerPatch
        self.logitScale = logitScale
    }

    /// Stretches of measurements; each is a token.
    var patches: Int { samples / samplesPerPatch }

    func validate(_ key: String) throws {
        try trunk.validate("\(key).trunk")
        try ConfigError.require(
            "ImageBind",
            sizes: [
                "\(key).channels": channels, "\(key).samples": samples,
                "\(key).samples_per_patch": samplesPerPatch,
            ])
        try ConfigError.require(
            "ImageBind", "\(key).samples", samples, multipleOf: samplesPerPatch)
    }
}
