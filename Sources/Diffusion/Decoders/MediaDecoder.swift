public import ModelZoo
public import TensorCore

/// Conditions to media: Stable Diffusion for images, AudioLDM for sounds, ZeroScope for clips.
///
/// A text encoder (for prompts and for the unconditional branch), a UNet, a VAE, a scheduler, and
/// for sounds a vocoder. The modalities differ in the shape of their latents, in how the condition
/// enters the UNet, and in what becomes of the decoded latents; the rest is one code.
///
/// Source: the pipelines of diffusers and of NExT-GPT (`custom_sd`, `custom_ad`, `custom_vd`).
public struct MediaDecoder: Sendable {
    /// All that its files say, weights aside.
    public let config: DecoderConfig
    /// From prompts to conditions.
    public let prompts: PromptEncoder
    package let networks: DecoderNetworks
    let device: Device
    /// Bytes of all weights.
    public let byteCount: Int

    /// What it makes.
    public var modality: Modality { config.modality }

    /// Builds the networks from the weights of each component.
    ///
    /// - Throws: `ConfigError` and `CheckpointError` where a file or a config disagrees
    public init(
        _ config: DecoderConfig, device: Device = .cpu,
        tokenize: @escaping PromptEncoder.Tokenize,
        weights: (DecoderComponent) throws -> Weights
    ) throws {
        self.config = config
        self.device = device
        networks = try DecoderNetworks(config, weights: weights)
        let text = try weights(.textEncoder)
        prompts = try PromptEncoder(config.textEncoder, from: text, tokenize: tokenize)
        byteCount = networks.byteCount + text.byteCount
    }

    /// Opens a folder as diffusers writes it, or Stable Diffusion 1.x in one file.
    ///
    /// - Parameters:
    ///   - variant: `fp16` prefers `*.fp16.safetensors` and its like; plain files serve where a
    ///     component has none, and the other way round
    ///   - vocabularies: folders that may have a single file's `vocab.json`, beside its own
    ///   - adapters: low-rank changes to add, in order
    ///   - weights: the type that the UNet and the text encoder are held in, to save memory; of
    ///     blocks only their matrices are, and their filters `bfloat16`. The VAE stays as it is
    ///     stored, for rounded ones show.
    /// - Throws: `DecoderError`, `AdapterError`, `ConfigError`, `CheckpointError` or
    ///   `TokenizerError`, naming the file
    public init(
        folder path: String, variant: String? = nil, vocabularies: [String] = [],
        adapters: [AdapterFile] = [], weights: DType? = nil, device: Device = .cpu
    ) throws {
        let files = try DecoderFiles(path, variant: variant, vocabularies: vocabularies)
        try self.init(files.config, device: device, tokenize: files.tokenize) { component in
            let checkpoint = try adapters.reduce(files.checkpoint(component)) { whole, adapter in
                try adapter.merged(into: whole, component)
            }
            guard let weights, component == .unet || component == .textEncoder else {
                return Weights(checkpoint, device: device)
            }
            return Weights(try checkpoint.held(as: weights), device: device)
        }
    }

    /// The condition of a prompt, of `config.conditioningShape`.
    public func conditioning(prompt: String) throws -> Tensor { try prompts(prompt) }

    /// Makes one medium; see `media`.
    public func generate(
        conditioning: Tensor, options: DecoderOptions = DecoderOptions(),
        plan: DecoderPlan? = nil, memory: MemoryBudget = MemoryBudget(),
        onStep: (DenoisingStep) throws -> Void = { _ in }, onLayer: () throws -> Void = {}
    ) throws -> Tensor {
        var single = options
        single.count = 1
        return try media(
            conditioning: conditioning, options: single, plan: plan, memory: memory,
            onStep: onStep, onLayer: onLayer)[0]
    }

    /// Makes as many media as the options ask for.
    ///
    /// - Shapes: `conditioning` as `config.conditioningShape`, axes of one in front allowed, used
    ///   as it is; for images and clips with fewer tokens if need be → images `[3, height, width]`,
    ///   clips `[frames, 3, height, width]`, both in [0, 1]; sounds `[samples]` in [−1, 1]
    /// - Parameters:
    ///   - plan: what `plan(for:)` told of the same options; worked out here where nil
    ///   - memory: what the passes take is set aside there before the first begins
    ///   - onStep: told after every evaluation; what it throws ends the run
    ///   - onLayer: called between the layers of a network, for one evaluation may take minutes;
    ///     what it throws ends the run, as the cancellation of the task does
    /// - Throws: `DecoderError`, `SchedulerError`, `MemoryError`, what `onLayer` and `onStep` throw,
    ///   `CancellationError`
    public func media(
        conditioning: Tensor, options: DecoderOptions = DecoderOptions(),
        plan: DecoderPlan? = nil, memory: MemoryBudget = MemoryBudget(),
        onStep: (DenoisingStep) throws -> Void = { _ in }, onLayer: () throws -> Void = {}
    ) throws -> [Tensor] {
        let request = try DecoderRequest(options, for: config)
        let condition = try checked(conditioning)
        func pause() throws {
            try Task.checkCancellation()
            try onLayer()
        }
        return try memory.reserving(
            try plan?.peakBytes ?? self.plan(request, options).peakBytes,
            for: "Making a medium (\(modality.rawValue))"
        ) {
            let scaled = try latents(condition, options, request, pause, onStep)
            let media = try networks.media(scaled / config.vae.latentScale, request, pause)
            // Clamping hides infinities, not what is no number.
            for medium in media { try checkFinite(medium) }
            return media
        }
    }

    /// From noise, or from a picture, to latents.
    package func latents(
        _ conditioning: Tensor, _ options: DecoderOptions, _ request: DecoderRequest,
        _ pause: () throws -> Void = {}, _ onStep: (DenoisingStep) throws -> Void = { _ in }
    ) throws -> Tensor {
        let scheduler = try config.scheduler(options, steps: request.steps)
        var condition = try checked(conditioning)
        if modality == .audio, options.normalizesAudioConditioning {
            condition = condition.normalized()
        }
        let guidance = try Guidance(
            scale: request.guidance, towards: condition.unsqueezed(0),
            awayFrom: {
                let tokens = modality == .audio ? nil : condition.shape[0]
                return try prompts(options.negativePrompt, tokens: tokens).unsqueezed(0)
            },
            batched: request.batchesGuidance)
        var draws = Draws(options.seed, request, device, framesFirst: modality == .video)
        let beginning = try beginning(options, request, &draws, pause)
        return try denoise(
            beginning.noise, from: beginning.start, with: scheduler,
            drawing: { draws.noiseOnTheWay() },
            predict: { latents, timestep in
                try guidance(latents) { latents, condition in
                    let shown =
                        beginning.context.map { context in
                            let count = latents.shape[0]
                            return Tensor.concatenate(
                                [latents, context.tiled(count / context.shape[0], axis: 0)], axis: 1
                            )
                        } ?? latents
                    return try networks.evaluate(shown, timestep, condition, pause)
                }
            }
        ) { step in
            try checkFinite(step.latents)
            try onStep(step)
        }
    }

    private func checkFinite(_ tensor: Tensor) throws {
        guard tensor.sum().item().isFinite else { throw DecoderError.notFinite(modality) }
    }

    /// A condition without axes of one in front, if it fits.
    private func checked(_ conditioning: Tensor) throws -> Tensor {
        let expected = config.conditioningShape
        var tensor = conditioning
        while tensor.rank > expected.count, tensor.shape[0] == 1 { tensor = tensor.squeezed(0) }
        guard config.takes(tensor.shape) else {
            throw DecoderError.conditioning(
                modality, found: conditioning.shape, expected: expected)
        }
        return tensor.on(device)
    }
}
