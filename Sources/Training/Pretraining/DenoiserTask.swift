public import DataPipeline
public import Diffusion
public import ModelZoo
public import TensorCore

/// How a UNet is trained.
public struct DenoiserRecipe: Codable, Equatable, Sendable {
    /// Where the factor comes from that makes latents as wide as noise.
    public enum LatentScale: String, Codable, Sendable {
        /// The autoencoder's file, or the published 0.18215 where that names none.
        case stored
        /// One over the deviation of the latents of the first samples.
        case measured
    }

    /// The folder of a UNet to go on from; nil starts a fresh one.
    public var from: String?
    /// For clips: the folder of a UNet of pictures whose layers the fresh one starts with, so that
    /// at first every frame is what that network makes of it.
    public var spatialFrom: String?
    /// For clips: whether only the layers across frames move.
    public var freezesSpatial: Bool?
    /// The sizes of a fresh one.
    public var config: UNetConfig?
    /// The schedule of noise, and what the network answers with, as in `scheduler_config.json`.
    public var scheduler: SchedulerConfig
    public var medium: TrainingMedium
    /// The folder of the autoencoder, which does not move.
    public var vae: String
    public var latentScale: LatentScale
    public var textEncoder: TextEncoderRecipe
    /// Whether the text encoder moves too.
    public var trainsTextEncoder: Bool
    /// Its learning rate over the network's.
    public var textEncoderRate: Double?
    /// For sounds: the folder of the vocoder that the decoder's folder gets.
    public var vocoder: String?
    /// The share of captions that are left empty, which guidance needs.
    public var captionDropout: Float
    /// Weights timesteps by the ratio of signal and noise, up to this limit; nil weights all alike.
    public var signalToNoiseLimit: Float?
    /// Of running averages, which are what is written; nil keeps none.
    public var averageDecay: Double?

    /// A recipe.
    public init(
        config: UNetConfig? = nil, scheduler: SchedulerConfig, medium: TrainingMedium, vae: String,
        latentScale: LatentScale = .measured, textEncoder: TextEncoderRecipe,
        trainsTextEncoder: Bool = false, captionDropout: Float = 0.1,
        averageDecay: Double? = 0.999
    ) {
        (self.config, self.scheduler, self.medium, self.vae) = (config, scheduler, medium, vae)
        (self.latentScale, self.textEncoder) = (latentScale, textEncoder)
        (self.trainsTextEncoder, self.captionDropout) = (trainsTextEncoder, captionDropout)
        self.averageDecay = averageDecay
    }
}

/// A UNet that learns to find the noise in latents of pictures, sounds or clips, given a caption.
///
/// Papers: Ho et al. 2020, arXiv:2006.11239; Rombach et al. 2022, arXiv:2112.10752; Ho and Salimans
/// 2022, arXiv:2207.12598 (empty captions); Ho et al. 2022, arXiv:2204.03458 (frozen pictures).
public struct DenoiserTask: TrainingTask {
    /// Where a sample's latents lie, before scaling, and its caption.
    public struct Item: Sendable {
        package let latents: LatentDistribution
        let caption: [Int32]
        /// What a text encoder that does not move made of the caption.
        let condition: Tensor?
    }

    public let name = "unet"
    public let phases: [TrainingPhase]
    /// The network in training.
    public let unet: UNet
    /// What multiplies latents before the network sees them.
    public let latentScale: Float
    let networks: DenoiserNetworks
    let recipe: DenoiserRecipe
    private let prediction: NoisePrediction
    private let averages: RunningAverages?
    private let cache: MediaCache<LatentDistribution>
    /// The caption that dropped ones turn into.
    private let emptyCaption: [Int32]

    /// Makes or opens the networks.
    ///
    /// - Throws: `SettingsError`, `ConfigError`, `CheckpointError`, `TokenizerError`,
    ///   `SchedulerError`
    public init(_ recipe: DenoiserRecipe, _ source: PretrainingSource) throws {
        networks = try DenoiserNetworks(recipe, source)
        unet = networks.unet
        prediction = try NoisePrediction(
            recipe.scheduler, signalToNoiseLimit: recipe.signalToNoiseLimit)
        guard (0...1).contains(recipe.captionDropout) else {
            throw source.fault("caption_dropout", "\(recipe.captionDropout)", "a share of 0 to 1")
        }
        if let limit = recipe.signalToNoiseLimit, limit <= 0 {
            throw source.fault("signal_to_noise_limit", "\(limit)", "more than 0")
        }
        if let decay = recipe.averageDecay, !(0..<1).contains(decay) {
            throw source.fault("average_decay", "\(decay)", "0 to below 1")
        }
        var groups = [ParameterGroup("unet", networks.moving)]
        if recipe.trainsTextEncoder {
            groups.append(
                ParameterGroup(
                    "textEncoder", networks.text.parameters, rateScale: recipe.textEncoderRate ?? 1)
            )
        }
        phases = [TrainingPhase("all", groups)]
        averages = recipe.averageDecay.map {
            RunningAverages(of: groups.flatMap(\.parameters), decay: $0)
        }
        cache = MediaCache(byteLimit: 1 << 30) { $0.mean.byteCount + $0.logVariance.byteCount }
        emptyCaption = networks.text.ids(of: "")
        switch recipe.latentScale {
        case .stored: latentScale = networks.vae.config.latentScale
        case .measured: latentScale = try networks.measuredScale(recipe.medium, source)
        }
        self.recipe = recipe
    }

    public var identity: [String: String] {
        [
            "vocabulary": networks.text.vocabularyFingerprint,
            "scale of the latents": "\(latentScale)",
        ]
    }

    public func prepare(_ sample: DialogueSample) throws -> Item? {
        let captioned = CaptionedMedia(sample)
        guard let reference = captioned.first(recipe.medium.modality) else { return nil }
        let latents = try cache.value(of: reference) { _ in
            try networks.latents(of: recipe.medium.tensor(of: reference))
        }
        let caption = networks.text.ids(of: captioned.caption)
        let condition =
            recipe.trainsTextEncoder ? nil : networks.text.conditions([caption])[0].dense()
        return Item(latents: latents, caption: caption, condition: condition)
    }

    public func counts(of items: [Item], in phase: Int) -> [LossUnit: Int] {
        [.samples: items.count]
    }

    public func loss(
        of items: [Item], in phase: Int, at moment: TrainingMoment
    ) throws -> TrainingLoss {
        let moments = LatentDistribution(
            mean: .stack(items.map(\.latents.mean)),
            logVariance: .stack(items.map(\.latents.logVariance)))
        let shape = moments.mean.shape
        let clean =
            moment.isTraining
            ? moments.sample(moment.normal(for: "latents", shape)) : moments.mean
        let noise = moment.normal(for: "noise", shape)
        let count = prediction.timesteps
        let timesteps = moment.uniform(for: "timesteps", samples: items.count).map {
            min(Int($0 * Float(count)), count - 1)
        }
        let (noisy, target) = prediction.examples(clean * latentScale, noise: noise, at: timesteps)
        let answer = networks.evaluate(
            noisy, timesteps.map { Float($0) }, conditions(of: items, moment))
        let losses = prediction.losses(of: answer, target: target, at: timesteps)
        return TrainingLoss([LossTerm("noise", sum: losses.sum(), per: .samples)])
    }

    /// What the captions ask for, some of them dropped.
    private func conditions(of items: [Item], _ moment: TrainingMoment) -> Tensor {
        let isDropped = moment.uniform(for: "captions", samples: items.count).map {
            moment.isTraining && $0 < recipe.captionDropout
        }
        let text = networks.text
        if recipe.trainsTextEncoder {
            return text.conditions(
                zip(items, isDropped).map { $1 ? emptyCaption : $0.caption })
        }
        let empty = withoutGradients { text.conditions([emptyCaption])[0] }
        return .stack(zip(items, isDropped).map { $1 ? empty : $0.condition ?? empty })
    }

    public func didStep(_ moment: TrainingMoment) { averages?.update() }
    public var state: [(name: String, value: Tensor)] { averages?.state ?? [] }
    public func restore(_ state: Checkpoint) throws { try averages?.restore(state) }

    /// What the network makes of the items' captions, by the averages.
    public func previews(of items: [Item], at moment: TrainingMoment) throws -> [Preview] {
        func sampled() throws -> [Preview] {
            try items.enumerated().map { index, item in
                var generator = moment.generator(for: "preview", sample: index)
                let latents = try networks.sampled(
                    item.condition ?? networks.text.conditions([item.caption])[0],
                    awayFrom: networks.text.conditions([emptyCaption])[0],
                    from: generator.normal([1] + item.latents.mean.shape), recipe.scheduler)
                return networks.preview("sample/\(index)", latents * (1 / latentScale))
            }
        }
        return try averages?.replacingWeights(sampled) ?? sampled()
    }

    /// Writes a decoder's whole folder: this network, by its running averages where there are any,
    /// and the others that it was trained with.
    public func write(to folder: String) throws {
        func written() throws { try networks.write(recipe, latentScale: latentScale, to: folder) }
        try averages?.replacingWeights(written) ?? written()
    }
}
