public import Diffusion
import ModelZoo

/// How a reply is made. What is nil is taken from the model's manifest, then from the published
/// system or the decoder's own files; the manifest has the same form.
public struct GenerationOptions: Codable, Equatable, Sendable {
    /// Of the drawing of tokens and of each medium's noise; 13 unless given.
    public var seed: UInt64?
    /// Divides the logits; 0 takes the likeliest token.
    public var temperature: Float?
    public var topP: Float?
    public var topK: Int?
    /// Least probability of a token, as a part of the likeliest one's.
    public var minP: Float?
    /// On tokens that occurred: factor and difference.
    public var repetitionPenalty: Float?
    public var presencePenalty: Float?
    /// Added to the scores of tokens by id.
    public var logitBias: [Int: Float]?
    /// Strings that end the text, which has none of them.
    public var stops: [String]?
    /// Text tokens at most; signal tokens do not count.
    public var maxNewTokens: Int?
    public var imageSteps: Int?
    public var audioSteps: Int?
    public var videoSteps: Int?
    /// Classifier-free guidance of every decoder, and of one where it differs.
    public var guidance: Float?
    public var imageGuidance: Float?
    public var audioGuidance: Float?
    public var videoGuidance: Float?
    /// Pixels of images and videos.
    public var height: Int?
    public var width: Int?
    public var frames: Int?
    /// Of clips; 8 unless given.
    public var framesPerSecond: Int?
    public var audioSeconds: Double?
    /// Denoising steps between small pictures of what is being made; nil for none.
    public var previewEvery: Int?

    /// What media should stay away from.
    public var negativePrompt: String?
    /// Another sampler than the decoders' own, and how much fresh noise DDIM adds, 0 to 1.
    public var scheduler: SchedulerKind?
    public var eta: Float?
    /// Whether the samplers that can visit Karras' noise levels.
    public var karrasSigmas: Bool?
    /// Encodes and decodes pictures in tiles: less memory for large ones.
    public var tilesVAE: Bool?

    /// Everything as the model has it.
    public init() {}

    /// These options, and where they say nothing the others.
    func completed(by others: GenerationOptions?) -> GenerationOptions {
        guard let others else { return self }
        var options = self
        options.seed = seed ?? others.seed
        options.temperature = temperature ?? others.temperature
        options.topP = topP ?? others.topP
        options.topK = topK ?? others.topK
        options.minP = minP ?? others.minP
        options.repetitionPenalty = repetitionPenalty ?? others.repetitionPenalty
        options.presencePenalty = presencePenalty ?? others.presencePenalty
        options.logitBias = logitBias ?? others.logitBias
        options.stops = stops ?? others.stops
        options.maxNewTokens = maxNewTokens ?? others.maxNewTokens
        options.imageSteps = imageSteps ?? others.imageSteps
        options.audioSteps = audioSteps ?? others.audioSteps
        options.videoSteps = videoSteps ?? others.videoSteps
        options.guidance = guidance ?? others.guidance
        options.imageGuidance = imageGuidance ?? others.imageGuidance
        options.audioGuidance = audioGuidance ?? others.audioGuidance
        options.videoGuidance = videoGuidance ?? others.videoGuidance
        options.height = height ?? others.height
        options.width = width ?? others.width
        options.frames = frames ?? others.frames
        options.framesPerSecond = framesPerSecond ?? others.framesPerSecond
        options.audioSeconds = audioSeconds ?? others.audioSeconds
        options.previewEvery = previewEvery ?? others.previewEvery
        options.negativePrompt = negativePrompt ?? others.negativePrompt
        options.scheduler = scheduler ?? others.scheduler
        options.eta = eta ?? others.eta
        options.karrasSigmas = karrasSigmas ?? others.karrasSigmas
        options.tilesVAE = tilesVAE ?? others.tilesVAE
        return options
    }

    /// How tokens are drawn; the published demo's values where nothing is said.
    ///
    /// - Parameter vocabulary: tokens that there are to draw
    /// - Throws: `ModelError.invalidOption`
    func sampling(from vocabulary: Int) throws -> SamplingOptions {
        let published = SamplingOptions()
        var sampling = SamplingOptions(
            temperature: temperature ?? published.temperature, topP: topP ?? published.topP,
            topK: topK ?? published.topK, seed: seed ?? published.seed)
        sampling.minP = minP ?? 0
        sampling.repetitionPenalty = repetitionPenalty ?? 1
        sampling.presencePenalty = presencePenalty ?? 0
        sampling.logitBias = logitBias ?? [:]
        try sampling.check()
        if let id = sampling.logitBias.keys.sorted().first(where: {
            !(0..<vocabulary).contains($0)
        }) {
            throw ModelError.invalidOption(
                name: "logit-bias", found: "for token \(id)",
                expected: "token ids from 0 to \(vocabulary - 1)")
        }
        return sampling
    }

    /// Text tokens at most, 246 as in the published demo unless said.
    ///
    /// - Throws: `ModelError.invalidOption`
    func tokenLimit() throws -> Int {
        let limit = maxNewTokens ?? 246
        guard limit >= 0 else {
            throw ModelError.invalidOption(
                name: "max-new-tokens", found: "\(limit)", expected: "0 or more")
        }
        return limit
    }

    /// Frames of clips that are shown in a second, ZeroScope's 8 unless said.
    ///
    /// - Throws: `ModelError.invalidOption`
    func clipRate() throws -> Int {
        let rate = framesPerSecond ?? 8
        guard (1...240).contains(rate) else {
            throw ModelError.invalidOption(
                name: "frames-per-second", found: "\(rate)", expected: "1 to 240")
        }
        return rate
    }

    /// What a decoder is asked for.
    func decoderOptions(_ modality: Modality) -> DecoderOptions {
        var options = DecoderOptions()
        options.seed = seed ?? SamplingOptions().seed
        let (steps, scale) =
            switch modality {
            case .image: (imageSteps, imageGuidance)
            case .audio: (audioSteps, audioGuidance)
            case .video: (videoSteps, videoGuidance)
            }
        options.steps = steps
        options.guidance = scale ?? guidance
        options.height = height
        options.width = width
        options.frames = frames
        options.audioSeconds = audioSeconds
        options.negativePrompt = negativePrompt ?? ""
        options.scheduler = scheduler
        options.eta = eta ?? 0
        options.karrasSigmas = karrasSigmas
        options.tilesVAE = tilesVAE ?? false
        return options
    }
}
