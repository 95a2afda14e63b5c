public import DataPipeline
import MediaIO
public import ModelZoo
public import TensorCore

/// How a vocoder is trained.
public struct VocoderRecipe: Codable, Equatable, Sendable {
    /// The folder of one to go on from; nil starts a fresh one.
    public var from: String?
    /// The sizes of a fresh one.
    public var config: HiFiGANConfig?
    /// Sounds; the spectrogram's hop is the product of the upsampling rates.
    public var medium: TrainingMedium
    /// Frames of the part of a sound that a step learns from.
    public var segmentFrames: Int
    /// The sizes of the discriminators; nil trains without them, on spectrograms alone.
    public var discriminators: DiscriminatorConfig?
    /// Of the differences of spectrograms; the paper's is 45.
    public var melWeight: Float
    /// Of the differences of the discriminators' features; the paper's is 2.
    public var featureWeight: Float
    /// Samples of the frames whose spectra are also compared, as `SpectralLoss` has it; none where
    /// empty, as in the paper. Tones come far sooner with it.
    public var spectra: [Int]
    /// Of the differences of those spectra.
    public var spectraWeight: Float
    /// Of running averages, which are what is written; nil keeps none, as in the paper.
    public var averageDecay: Double?

    /// A recipe.
    public init(
        config: HiFiGANConfig? = nil, medium: TrainingMedium, segmentFrames: Int,
        discriminators: DiscriminatorConfig? = DiscriminatorConfig(), melWeight: Float = 45,
        featureWeight: Float = 2, spectra: [Int] = [], spectraWeight: Float = 1
    ) {
        (self.config, self.medium, self.segmentFrames) = (config, medium, segmentFrames)
        (self.discriminators, self.melWeight) = (discriminators, melWeight)
        self.featureWeight = featureWeight
        (self.spectra, self.spectraWeight) = (spectra, spectraWeight)
    }
}

/// A vocoder that learns to give spectrograms their sound back, against discriminators that learn
/// to tell.
///
/// Paper: Kong et al. 2020, arXiv:2010.05646. All convolutions are weight-normalised while they
/// train, the first of the scale discriminators too, which the paper normalises spectrally.
public struct VocoderTask: TrainingTask {
    /// A sound and its spectrogram.
    public struct Item: Sendable {
        /// `[samples]`
        let sound: Tensor
        /// `[frames, melBins]`
        let spectrogram: Tensor
    }

    public let name = "vocoder"
    public let phases: [TrainingPhase]
    /// The generator in training.
    public let generator: HiFiGAN
    private let discriminators: Discriminators?
    private let judges: [Parameter]
    private let recipe: VocoderRecipe
    private let mel: MelSpectrogram
    private let parameters: [Parameter]
    private let averages: RunningAverages?

    /// Makes or opens the generator, and fresh discriminators.
    ///
    /// - Throws: `SettingsError`, `ConfigError`, `CheckpointError`
    public init(_ recipe: VocoderRecipe, _ source: PretrainingSource) throws {
        let weights = try Weights.starting(from: recipe.from.map(source.path), seed: source.seed) {
            try $0.foldingWeightNorm().splittingWeightNorm()
        }
        try self.init(recipe, source, weights, judging: .fresh(seed: source.seed &+ 1))
    }

    /// With weights from anywhere, all in pairs of magnitude and direction.
    package init(
        _ recipe: VocoderRecipe, _ source: PretrainingSource, _ weights: Weights,
        judging: Weights
    ) throws {
        let folder = recipe.from.map(source.path)
        let config = try source.config(in: folder, or: recipe.config)
        try recipe.medium.check(source)
        guard recipe.medium.modality == .audio, let mel = recipe.medium.mel else {
            throw source.fault("medium.modality", recipe.medium.modality.rawValue, "audio")
        }
        let hop = config.upsampleRates.reduce(1, *)
        guard mel.hop == hop else {
            throw source.fault("medium.mel.hop", "\(mel.hop)", "\(hop), as the rates multiply to")
        }
        guard mel.melBins == config.modelInDim, mel.sampleRate == config.samplingRate else {
            throw source.fault(
                "medium.mel", "\(mel.melBins) bins at \(mel.sampleRate) Hz",
                "\(config.modelInDim) at \(config.samplingRate)")
        }
        // The spectrogram of a part mirrors half a window at its ends.
        let least = mel.window / 2 / mel.hop + 1
        guard (least...max(least, recipe.medium.melFrames)).contains(recipe.segmentFrames) else {
            throw source.fault(
                "segment_frames", "\(recipe.segmentFrames)",
                "\(least) to \(recipe.medium.melFrames)")
        }
        for window in recipe.spectra
        where window < 4 || window / 2 >= recipe.segmentFrames * mel.hop {
            throw source.fault(
                "spectra", "\(window)", "4 to \(2 * recipe.segmentFrames * mel.hop - 1) samples")
        }
        generator = try HiFiGAN(config, from: weights.weightNormalized())
        try weights.finish(unused: HiFiGAN.unusedTensors)
        parameters = weights.trainable()
        // Statistics of the training set, where there are some, are no weights.
        for parameter in parameters where HiFiGAN.unusedTensors.contains(parameter.name) {
            parameter.isTrainable = false
        }
        discriminators = try recipe.discriminators.map {
            try Discriminators($0, from: judging.weightNormalized())
        }
        judges = judging.parameters
        let moving = parameters.filter(\.isTrainable)
        phases =
            (judges.isEmpty
                ? []
                : [TrainingPhase("discriminator", [ParameterGroup("discriminators", judges)])])
            + [TrainingPhase("generator", [ParameterGroup("generator", moving)])]
        averages = recipe.averageDecay.map { RunningAverages(of: moving, decay: $0) }
        self.mel = mel
        self.recipe = recipe
    }

    public func prepare(_ sample: DialogueSample) throws -> Item? {
        guard let reference = CaptionedMedia(sample).first(.audio) else { return nil }
        let sound = try reference.withPath(recipe.medium.samples)
        return Item(sound: sound, spectrogram: mel(sound.unsqueezed(0))[0].dense())
    }

    public func counts(of items: [Item], in phase: Int) -> [LossUnit: Int] {
        [.samples: items.count]
    }

    public func loss(
        of items: [Item], in phase: Int, at moment: TrainingMoment
    ) throws -> TrainingLoss {
        let (spectrograms, real) = segments(of: items, moment)
        let samples = real.shape[1]
        if phases[phase].name == "discriminator", let discriminators {
            let made = withoutGradients { generator(spectrograms) }.sliced(1, 0..<samples).dense()
            let loss = discriminationLoss(real: discriminators(real), made: discriminators(made))
            return TrainingLoss([LossTerm("discrimination", sum: loss.sum(), per: .samples)])
        }
        let made = generator(spectrograms).sliced(1, 0..<samples)
        return TrainingLoss(terms(made, real))
    }

    /// What the generator loses by sounds `made` in the place of `real` ones, both
    /// `[batch, samples]`.
    package func terms(_ made: Tensor, _ real: Tensor) -> [LossTerm] {
        let difference = (mel(made) - mel(real)).absolute().mean([1, 2])
        let spectral = LossTerm(
            "mel", sum: difference.sum(), per: .samples, weight: recipe.melWeight)
        let shapes =
            recipe.spectra.isEmpty
            ? []
            : [
                LossTerm(
                    "spectra",
                    sum: SpectralLoss(windows: recipe.spectra)(made: made, real: real).sum(),
                    per: .samples, weight: recipe.spectraWeight)
            ]
        guard let discriminators else { return [spectral] + shapes }
        // The discriminators do not move along this loss.
        for parameter in judges { parameter.isTrainable = false }
        defer { for parameter in judges { parameter.isTrainable = true } }
        let (judgedReal, judgedMade) = (discriminators(real), discriminators(made))
        return [spectral] + shapes + [
            LossTerm(
                "features", sum: featureLoss(real: judgedReal, made: judgedMade).sum(),
                per: .samples, weight: recipe.featureWeight),
            LossTerm("deception", sum: deceptionLoss(made: judgedMade).sum(), per: .samples),
        ]
    }

    /// A part of each sound, the same in both phases of a step: `[batch, segmentFrames, melBins]`
    /// and `[batch, segmentFrames · hop]`.
    private func segments(
        of items: [Item], _ moment: TrainingMoment
    ) -> (spectrograms: Tensor, sounds: Tensor) {
        let frames = recipe.segmentFrames
        let starts = moment.uniform(for: "segments", samples: items.count).map { draw in
            let choices = recipe.medium.melFrames - frames + 1
            return moment.isTraining ? min(Int(draw * Float(choices)), choices - 1) : 0
        }
        return (
            .stack(zip(items, starts).map { $0.spectrogram[$1..<($1 + frames)] }),
            .stack(
                zip(items, starts).map {
                    $0.sound[($1 * mel.hop)..<(($1 + frames) * mel.hop)]
                })
        )
    }

    public func didStep(_ moment: TrainingMoment) { averages?.update() }
    public var state: [(name: String, value: Tensor)] { averages?.state ?? [] }
    public func restore(_ state: Checkpoint) throws { try averages?.restore(state) }

    /// The sounds of the items' spectrograms.
    public func previews(of items: [Item], at moment: TrainingMoment) throws -> [Preview] {
        func sounds() -> [Preview] {
            items.enumerated().map { index, item in
                let sound = generator(item.spectrogram.unsqueezed(0))[0]
                return Preview("sound/\(index)", .sound(sound, sampleRate: mel.sampleRate))
            }
        }
        return averages?.replacingWeights(sounds) ?? sounds()
    }

    /// Writes `config.json` and `model.safetensors` with whole weights, as decoders read them.
    public func write(to folder: String) throws {
        let averaged = Dictionary(
            (averages?.tensors ?? []).map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        let apart = parameters.tensors.map {
            StoredTensor(name: $0.name, value: averaged[$0.name] ?? $0.value)
        }
        let whole = try Checkpoint(file: folder, tensors: apart).foldingWeightNorm()
        let tensors = try whole.tensors.map { (name: $0.name, value: try $0.tensor()) }
        try ComponentFolder(folder).write(
            generator.config, tensors + HiFiGAN.statistics(generator.config))
    }
}
