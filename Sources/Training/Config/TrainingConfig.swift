import DataPipeline

/// A stage's settings: `base.yaml`, then `stage_N.yaml`, then what the command line says.
///
/// Key names are the reference's, in snake case; what each means stands beside its value in
/// `Configs/`.
public struct TrainingConfig: Codable, Equatable, Sendable {
    public var seed: UInt64
    public var maxLength: Int
    public var loggingStep: Int
    public var pretrainedCkptPath: String
    public var vicunaVersion: String
    public var imagebindVersion: String

    public var numClipTokens: Int
    public var numGenImgTokens: Int
    public var numGenVideoTokens: Int
    public var numGenAudioTokens: Int
    public var textEmbToImgLayers: [Int]
    public var textEmbToVideoLayers: [Int]
    public var textEmbToAudioLayers: [Int]
    public var textFcToImgMode: ProjectionMode
    public var textFcToVideoMode: ProjectionMode
    public var textFcToAudioMode: ProjectionMode
    public var imageDiffusion: String
    public var videoDiffusion: String
    public var audioDiffusion: String
    public var trainFullEmbeddings: Bool?

    public var freezeLm: Bool
    public var freezeInputProj: Bool
    public var freezeOutputProj: Bool
    public var prompt: String?
    public var loraR: Int?
    public var loraAlpha: Int?
    public var loraDropout: Double?

    public var warmupRate: Double
    public var epochs: Int
    public var datasetNameList: [String]

    // Keys of the reference's files that nothing reads, there or here.
    public var models: [String: ReferenceNames]?
    public var genEmbDim: Int?
    public var nImgTokens: Int?
    public var nVideoTokens: Int?
    public var nAudioTokens: Int?
    public var maxShardSize: String?

    /// How an output projection is built.
    public enum ProjectionMode: String, Codable, Sendable {
        case transformer, linear, qformer
    }

    /// The reference's class names.
    public struct ReferenceNames: Codable, Equatable, Sendable {
        public var modelName: String
        public var agentName: String
    }

    /// Reads the settings of a stage.
    ///
    /// - Parameters:
    ///   - folder: holds `base.yaml` and `stage_N.yaml`
    ///   - extra: a file laid over both, as `--config` names it
    ///   - assignments: `key=value`, as `--set` gives them; they win
    /// - Throws: `SettingsError`, with the file or argument and the key
    public init(
        folder: String, stage: Stage, extra: String? = nil, assignments: [String] = []
    ) throws {
        var settings = try Settings(contentsOf: "\(folder)/base.yaml")
        for file in ["\(folder)/stage_\(stage.rawValue).yaml"] + (extra.map { [$0] } ?? []) {
            var layer = try Settings(contentsOf: file)
            layer.hoist("train", dropping: ["test", "validation"])
            settings.overlay(layer)
        }
        for assignment in assignments { try settings.set(assignment) }
        self = try settings.decode()
        try check(in: "\(folder)/stage_\(stage.rawValue).yaml")
    }

    /// Ranges that types cannot express.
    private func check(in file: String) throws {
        func require(_ holds: Bool, _ key: String, _ found: some Any, _ expected: String) throws {
            guard !holds else { return }
            throw SettingsError.badValue(
                key: key, file: file, found: "\(found)", expected: expected)
        }
        try require(maxLength > 0, "max_length", maxLength, "more than 0")
        try require(epochs > 0, "epochs", epochs, "more than 0")
        try require(
            (0...1).contains(warmupRate), "warmup_rate", warmupRate, "a share between 0 and 1")
        try require(!datasetNameList.isEmpty, "dataset_name_list", "empty", "at least one name")
        let adapters = freezeLm || (loraR ?? 0) > 0
        try require(adapters, "lora_r", loraR ?? 0, "more than 0, because freeze_lm is false")
    }

    /// The keys that were given and that nothing reads.
    public var unusedKeys: [String] {
        let given: [(String, Bool)] = [
            ("models", models != nil), ("gen_emb_dim", genEmbDim != nil),
            ("n_img_tokens", nImgTokens != nil), ("n_video_tokens", nVideoTokens != nil),
            ("n_audio_tokens", nAudioTokens != nil), ("max_shard_size", maxShardSize != nil),
        ]
        return given.filter(\.1).map(\.0)
    }
}
