import DataPipeline
public import SouthGPT

/// What is a stage's own among the settings of its run: the model, what of it moves, and how its
/// samples are laid out.
///
/// Key names are the reference's, in snake case; what each means stands beside its value in
/// `Configs/`.
public struct TrainingConfig: Codable, Equatable, Sendable {
    /// Of fresh weights; that of the run.
    public var seed: UInt64
    public var maxLength: Int
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
    public var newRowInitialization: AddedRowsInitial?
    public var checkpointActivations: Bool?

    public var freezeLm: Bool
    public var freezeInputProj: Bool
    public var freezeOutputProj: Bool
    public var prompt: String?
    public var loraR: Int?
    public var loraAlpha: Int?
    public var loraDropout: Double?

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

    /// Ranges that types cannot express.
    func check(in settings: Settings) throws {
        func require(_ holds: Bool, _ key: String, _ found: some Any, _ expected: String) throws {
            guard !holds else { return }
            throw settings.badValue(key, found: "\(found)", expected: expected)
        }
        try require(maxLength > 0, "max_length", maxLength, "more than 0")
        let adapters = freezeLm || (loraR ?? 0) > 0
        try require(adapters, "lora_r", loraR ?? 0, "more than 0, because freeze_lm is false")
        let dropout = loraDropout ?? 0
        try require((0..<1).contains(dropout), "lora_dropout", dropout, "0 to less than 1")
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
