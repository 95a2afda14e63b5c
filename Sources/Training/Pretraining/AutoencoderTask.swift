public import DataPipeline
public import ModelZoo
public import TensorCore

/// How an autoencoder is trained.
public struct AutoencoderRecipe: Codable, Equatable, Sendable {
    /// The folder of one to go on from; nil starts a fresh one.
    public var from: String?
    /// The sizes of a fresh one.
    public var config: AutoencoderKLConfig?
    /// Pictures, or sounds as spectrograms.
    public var medium: TrainingMedium
    public var reconstruction: ReconstructionError
    /// Of the differences of edges; 0 leaves them out.
    public var edgeWeight: Float
    /// Of the divergence from the standard normal distribution. Both it and the reconstruction are
    /// sums over the number of pixels, so that 1e-6 is what latent diffusion publishes.
    public var klWeight: Float
    /// Of running averages, which are what is written; nil keeps none.
    public var averageDecay: Double?

    /// A recipe.
    public init(
        from: String? = nil, config: AutoencoderKLConfig? = nil, medium: TrainingMedium,
        reconstruction: ReconstructionError = .l1, edgeWeight: Float = 0, klWeight: Float = 1e-6,
        averageDecay: Double? = nil
    ) {
        (self.from, self.config, self.medium) = (from, config, medium)
        (self.reconstruction, self.edgeWeight) = (reconstruction, edgeWeight)
        (self.klWeight, self.averageDecay) = (klWeight, averageDecay)
    }
}

/// An autoencoder of pictures or spectrograms that learns to give back what it was shown through
/// latents that are nearly normal.
///
/// Papers: Kingma and Welling 2014, arXiv:1312.6114; Rombach et al. 2022, arXiv:2112.10752.
public struct AutoencoderTask: TrainingTask {
    /// A picture `[channels, height, width]`.
    public typealias Item = Tensor

    public let name = "vae"
    public let phases: [TrainingPhase]
    /// The network in training.
    public let network: AutoencoderKL
    private let recipe: AutoencoderRecipe
    private let parameters: [Parameter]
    private let averages: RunningAverages?

    /// Makes or opens the network.
    ///
    /// - Throws: `SettingsError`, `ConfigError`, `CheckpointError`
    public init(_ recipe: AutoencoderRecipe, _ source: PretrainingSource) throws {
        let folder = recipe.from.map(source.path)
        let config = try source.config(in: folder, or: recipe.config)
        let weights = try Weights.starting(from: folder, seed: source.seed)
        network = try AutoencoderKL(config, from: weights)
        try weights.finish()
        guard recipe.medium.modality != .video else {
            throw source.fault("medium.modality", "video", "image or audio; clips use the former's")
        }
        // Edges are looked at in two halvings.
        let factor = max(config.pixelsPerLatent, recipe.edgeWeight > 0 ? 4 : 1)
        try recipe.medium.check(source, multipleOf: factor)
        let channels = recipe.medium.modality == .image ? 3 : 1
        guard config.inChannels == channels, config.outChannels == channels else {
            throw source.fault(
                "config.in_channels", "\(config.inChannels)",
                "\(channels) for \(recipe.medium.modality.rawValue)")
        }
        if let decay = recipe.averageDecay, !(0..<1).contains(decay) {
            throw source.fault("average_decay", "\(decay)", "0 to below 1")
        }
        let moving = weights.trainable()
        averages = recipe.averageDecay.map { RunningAverages(of: moving, decay: $0) }
        phases = [TrainingPhase("all", [ParameterGroup("autoencoder", moving)])]
        parameters = moving
        self.recipe = recipe
    }

    public func prepare(_ sample: DialogueSample) throws -> Item? {
        try CaptionedMedia(sample).first(recipe.medium.modality).map(recipe.medium.tensor)
    }

    public func counts(of items: [Item], in phase: Int) -> [LossUnit: Int] {
        [.samples: items.count]
    }

    public func loss(
        of items: [Item], in phase: Int, at moment: TrainingMoment
    ) throws -> TrainingLoss {
        let images = Tensor.stack(items)
        let moments = network.encode(images, together: true)
        let latents =
            moment.isTraining
            ? moments.sample(moment.normal(for: "latents", moments.mean.shape)) : moments.mean
        return TrainingLoss(terms(images, moments, latents))
    }

    /// The terms of the loss for drawn latents.
    package func terms(
        _ images: Tensor, _ moments: LatentDistribution, _ latents: Tensor
    ) -> [LossTerm] {
        let pictures = network.decode(latents, together: true)
        let divergence = moments.divergence() * (1 / Float(images[0].count))
        var terms = [
            LossTerm(
                "reconstruction", sum: recipe.reconstruction(pictures, images).sum(),
                per: .samples),
            LossTerm("divergence", sum: divergence.sum(), per: .samples, weight: recipe.klWeight),
        ]
        if recipe.edgeWeight > 0 {
            terms.append(
                LossTerm(
                    "edges", sum: edgeError(pictures, images).sum(), per: .samples,
                    weight: recipe.edgeWeight))
        }
        return terms
    }

    /// Pictures beside what comes back of them.
    public func previews(of items: [Item], at moment: TrainingMoment) throws -> [Preview] {
        withAverages {
            items.enumerated().map { index, item in
                let image = item.unsqueezed(0)
                let back = network.decode(network.encode(image).mean)
                return Preview("reconstruction/\(index)", shown(image, back))
            }
        }
    }

    private func shown(_ image: Tensor, _ back: Tensor) -> Preview.Content {
        var pair = Tensor.concatenate([image, back], axis: 3)[0]
        if recipe.medium.modality == .audio {
            // Silence black, the loudest bin of either white; low tones at the bottom.
            let (low, high) = (pair.min().item(), pair.max().item())
            pair = pair.affine(
                scale: 2 / max(high - low, 1e-6), shift: -1 - 2 * low / max(high - low, 1e-6))
            pair = pair.tiled(3, axis: 0)
        }
        return .image(
            pair.affine(scale: 0.5, shift: 0.5).clamped(to: 0...1).permuted(1, 2, 0).dense())
    }

    private func withAverages<Result>(_ body: () throws -> Result) rethrows -> Result {
        try averages?.replacingWeights(body) ?? body()
    }

    public func didStep(_ moment: TrainingMoment) { averages?.update() }
    public var state: [(name: String, value: Tensor)] { averages?.state ?? [] }
    public func restore(_ state: Checkpoint) throws { try averages?.restore(state) }

    /// Writes `config.json` and `diffusion_pytorch_model.safetensors`: the running averages where
    /// there are any. The scale of the latents is measured by who uses them.
    public func write(to folder: String) throws {
        try ComponentFolder(folder).write(
            network.config.namingLevels, averages?.tensors ?? parameters.tensors,
            stem: "diffusion_pytorch_model")
    }
}
