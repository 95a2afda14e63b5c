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
    let networks: DecoderNetworks
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

    /// Opens a folder as diffusers writes it.
    ///
    /// - Parameter variant: `fp16` prefers `*.fp16.safetensors` and its like; plain files serve
    ///   where a component has none, and the other way round
    /// - Throws: `DecoderError`, `ConfigError`, `CheckpointError` or `TokenizerError`, naming the
    ///   file
    public init(folder: String, variant: String? = nil, device: Device = .cpu) throws {
        let config = try DecoderConfig(folder: folder)
        let tokenize = try config.textEncoder.tokenizer(of: folder)
        try self.init(config, device: device, tokenize: tokenize) { component in
            let path = "\(folder)/\(component.rawValue)"
            let checkpoint = try Checkpoint(component: path, variant: variant)
            // Some releases store the vocoder as it was trained, in weight-normalised pairs.
            let whole = component == .vocoder ? try checkpoint.foldingWeightNorm() : checkpoint
            return Weights(whole, device: device)
        }
    }

    /// The condition of a prompt, of `config.conditioningShape`.
    public func conditioning(prompt: String) throws -> Tensor { try prompts(prompt) }

    /// Makes a medium.
    ///
    /// - Shapes: `conditioning` as `config.conditioningShape`, axes of one in front allowed, used
    ///   as it is; for images and clips with fewer tokens if need be → image `[3, height, width]`,
    ///   clip `[frames, 3, height, width]`, both in [0, 1]; sound `[samples]` in [−1, 1]
    /// - Parameters:
    ///   - memory: what the passes take is set aside there before the first begins
    ///   - onStep: told after every evaluation; what it throws ends the run
    /// - Throws: `DecoderError`, `SchedulerError`, `MemoryError`, what `onStep` throws,
    ///   `CancellationError`
    public func generate(
        conditioning: Tensor, options: DecoderOptions = DecoderOptions(),
        memory: MemoryBudget = MemoryBudget(), onStep: (DenoisingStep) throws -> Void = { _ in }
    ) throws -> Tensor {
        let request = try DecoderRequest(options, for: config)
        let condition = try checked(conditioning)
        return try memory.reserving(
            try bytesNeeded(request), for: "Making a medium (\(modality.rawValue))"
        ) {
            let scaled = try latents(condition, options, request, onStep)
            let latents = scaled / config.vae.latentScale
            guard latents.sum().item().isFinite else { throw DecoderError.notFinite(modality) }
            return networks.medium(latents, request)
        }
    }

    /// Bytes of tensors that a run with these options holds at its peak, weights aside, without
    /// computing it.
    ///
    /// - Throws: `DecoderError` for options that the decoder refuses
    public func bytesNeeded(for options: DecoderOptions) throws -> Int {
        try bytesNeeded(DecoderRequest(options, for: config))
    }

    private func bytesNeeded(_ request: DecoderRequest) throws -> Int {
        try MemoryBudget.bytesNeeded { device in
            let planned = try DecoderNetworks(config) { _ in .shapesOnly(device: device) }
            func zeros(_ shape: Shape) -> Tensor { .zeros(shape, device: device) }
            let batch = request.guidance > 1 && request.batchesGuidance ? 2 : 1
            var shape = request.latentShape
            shape[0] = batch
            // The scheduler keeps a few of these; they are small beside the networks' own.
            _ = planned.evaluate(zeros(shape), 1, zeros([batch] + config.conditioningShape))
            _ = planned.medium(zeros(request.latentShape), request)
        }
    }

    /// From noise to latents.
    package func latents(
        _ conditioning: Tensor, _ options: DecoderOptions, _ request: DecoderRequest,
        _ onStep: (DenoisingStep) throws -> Void = { _ in }
    ) throws -> Tensor {
        let scheduler = try config.scheduler(options, steps: request.steps)
        var condition = try checked(conditioning)
        if modality == .audio, options.normalizesAudioConditioning {
            condition = condition.normalized()
        }
        let shape = request.latentShape
        let guidance = try Guidance(
            scale: request.guidance, towards: condition.unsqueezed(0),
            awayFrom: {
                let tokens = modality == .audio ? nil : condition.shape[0]
                return try prompts(options.negativePrompt, tokens: tokens).unsqueezed(0)
            },
            batched: request.batchesGuidance)
        var generator = TorchGenerator(seed: options.seed)
        return try denoise(
            generator.normal(shape, device: device), with: scheduler,
            drawing: { noise(shape, from: &generator) },
            predict: { latents, timestep in
                guidance(latents) { networks.evaluate($0, timestep, $1) }
            }, onStep: onStep)
    }

    /// A condition without axes of one in front, if it fits.
    private func checked(_ conditioning: Tensor) throws -> Tensor {
        let expected = config.conditioningShape
        var tensor = conditioning
        while tensor.rank > expected.count, tensor.shape[0] == 1 { tensor = tensor.squeezed(0) }
        // The unconditional branch must have as many rows, its two marks among them.
        let fits =
            tensor.rank == expected.count && tensor.shape.last == expected.last
            && (modality == .audio || (2...max(2, expected[0])).contains(tensor.shape[0]))
        guard fits else {
            throw DecoderError.conditioning(
                modality, found: conditioning.shape, expected: expected)
        }
        return tensor.on(device)
    }

    /// Noise on the way. That of clips is drawn frame by frame: the original folds frames into the
    /// batch before its scheduler sees them.
    private func noise(_ shape: Shape, from generator: inout TorchGenerator) -> Tensor {
        guard modality == .video else { return generator.normal(shape, device: device) }
        var frameFirst = Array(shape.dropFirst())
        frameFirst.swapAt(0, 1)
        return generator.normal(frameFirst, device: device).transposed(0, 1).unsqueezed(0)
    }
}

extension Checkpoint {
    /// The weights of a component: the variant asked for, else the plain ones, else the half-sized
    /// ones, which some downloads hold alone.
    init(component folder: String, variant: String?) throws {
        for candidate in [variant, nil, "fp16"] {
            do {
                self = try Checkpoint(folder: folder, variant: candidate)
                return
            } catch CheckpointError.unreadable(folder, _) {
                continue
            }
        }
        try self.init(folder: folder)
    }
}
