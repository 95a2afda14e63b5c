public import Diffusion
public import MediaIO
public import ModelZoo
public import TensorCore

/// A decoder by itself: a folder of diffusers or a single file of Stable Diffusion 1.x, from prompts
/// to images, sounds or clips.
public struct DecoderModel: Sendable {
    /// Where it came from.
    public let path: String
    /// The decoder.
    public let decoder: MediaDecoder
    let adapters: [MediumParameters.Adapter]
    let variant: String?
    let weights: String?
    private let safety: SafetyCheck?
    private let memory: MemoryBudget

    /// What it makes.
    public var modality: Modality { decoder.modality }

    /// What happens while media are made.
    public enum Progress: Sendable {
        /// The run begins; what it will take, and for about how many seconds.
        case began(DecoderPlan, seconds: Double)
        /// Evaluations done, of all.
        case step(Int, of: Int)
        /// What the medium will look like, a pixel a latent.
        case preview(RGBImage, step: Int)
    }

    /// Opens the files; every tensor must be the networks'.
    ///
    /// - Parameters:
    ///   - variant: `fp16` and the like, for folders that have several
    ///   - adapters: low-rank changes to add
    ///   - weights: what the UNet and the text encoder are held in, to save memory: `float16`,
    ///     `bfloat16` or a type of blocks such as `q8_0`; as they are stored where nil
    /// - Throws: `DecoderError`, `AdapterError`, `ConfigError`, `CheckpointError`, `TokenizerError`,
    ///   `MemoryError`
    public init(
        _ path: String, variant: String? = nil, adapters: [MediumParameters.Adapter] = [],
        weights: String? = nil, device: Device = .cpu, memory: MemoryBudget = MemoryBudget()
    ) throws {
        self.path = path
        (self.adapters, self.variant, self.weights) = (adapters, variant, weights)
        self.memory = memory
        decoder = try MediaDecoder(
            folder: path, variant: variant, vocabularies: ModelLookup().vocabularies,
            adapters: adapters.map { try AdapterFile($0.file, strength: $0.strength) },
            weights: weights.map(TypeChoice.held), device: device)
        try memory.reserve(
            decoder.byteCount, for: "The decoder of \(decoder.modality.rawValue)", mapped: true)
        safety =
            decoder.modality == .image
            ? try SafetyCheck(beside: path, device: device, memory: memory) : nil
    }

    /// Whether a path is that of a decoder alone, not of a model folder.
    public static func isAlone(at path: String) -> Bool { MediaDecoder.isDecoder(at: path) }

    /// Makes the media of a request, on the caller's thread.
    ///
    /// - Parameters:
    ///   - onProgress: what it throws ends the run
    ///   - onLayer: called between the layers of a network, several times a second in all but the
    ///     largest; what it throws ends the run
    /// - Throws: `ModelError`, `DecoderError`, `SchedulerError`, `MediaError`, `MemoryError`, or what
    ///   the closures throw
    public func media(
        for request: MediumRequest, onProgress: (Progress) throws -> Void = { _ in },
        onLayer: () throws -> Void = {}
    ) throws -> [GeneratedMedium] {
        let options = try request.decoderOptions(for: decoder)
        let completed = try DecoderRequest(options, for: decoder.config)
        let plan = try decoder.plan(for: options)
        try onProgress(
            .began(plan, seconds: plan.seconds(operationsPerSecond: Machine.measuredSpeed())))
        let preview = LatentPreview(decoder)
        let contents = try decoder.media(
            conditioning: decoder.conditioning(prompt: request.prompt), options: options,
            plan: plan, memory: memory
        ) { step in
            try onProgress(.step(step.index, of: step.count))
            if let picture = preview.picture(of: step, every: request.previewEvery) {
                try onProgress(.preview(picture, step: step.index))
            }
        } onLayer: {
            try onLayer()
        }
        let factor = decoder.config.vae.pixelsPerLatent
        let size = completed.latentShape.suffix(2).map { $0 * factor }
        let defaults = DecoderDefaults(
            seed: options.seed, steps: completed.steps, guidance: completed.guidance,
            scheduler: options.scheduler ?? decoder.config.scheduler.kind, height: size[0],
            width: size[1], strength: options.start?.strength)
        return try contents.enumerated().map { index, content in
            GeneratedMedium(
                modality: modality, caption: request.prompt, content: content,
                sampleRate: decoder.sampleRate,
                framesPerSecond: request.framesPerSecond,
                parameters: modality == .image
                    ? MediumParameters(request, defaults, model: self, index: index) : nil,
                isFlagged: try safety?.flags(content))
        }
    }
}
