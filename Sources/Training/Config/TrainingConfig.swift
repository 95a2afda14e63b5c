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
    public var textFcWidth: Int
    public var textFcLayers: Int
    public var textFcFeedForward: Int
    public var imageDiffusion: String
    public var videoDiffusion: String
    public var audioDiffusion: String
    public var trainFullEmbeddings: Bool?
    public var newRowInitialization: AddedRowsInitial?
    public var checkpointActivations: Bool?
    /// Denoising steps of the media that previews show; 0 shows text alone.
    public var previewSteps: Int?

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
        try settings.require(maxLength > 0, "max_length", maxLength, "more than 0")
        let adapters = freezeLm || (loraR ?? 0) > 0
        try settings.require(
            adapters, "lora_r", loraR ?? 0, "more than 0, because freeze_lm is false")
        let steps = previewSteps ?? 0
        try settings.require((0...50).contains(steps), "preview_steps", steps, "0 to 50")
        let dropout = loraDropout ?? 0
        try settings.require((0..<1).contains(dropout), "lora_dropout", dropout, "0 to less than 1")
    }

    /// The keys that were given and have no effect.
    public var unusedKeys: [String] {
        let given: [(String, Bool)] = [
            ("models", models != nil), ("gen_emb_dim", genEmbDim != nil),
            ("n_img_tokens", nImgTokens != nil), ("n_video_tokens", nVideoTokens != nil),
            ("n_audio_tokens", nAudioTokens != nil), ("max_shard_size", maxShardSize != nil),
            ("lora_r", freezeLm && loraR != nil), ("lora_alpha", freezeLm && loraAlpha != nil),
            ("lora_dropout", freezeLm && loraDropout != nil),
        ]
        return given.filter(\.1).map(\.0)
    }
}
