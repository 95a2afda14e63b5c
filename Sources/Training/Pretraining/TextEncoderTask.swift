public import DataPipeline
import Diffusion
import Glibc
public import ModelZoo
import SouthGPT
import TensorCore

/// A decoder's text encoder that learns from pairs: its captions go where a frozen ImageBind puts
/// their media, in the manner of CLIP and of CLAP.
///
/// Papers: Radford et al. 2021, arXiv:2103.00020; Wu et al. 2022, arXiv:2211.06687.
public struct TextEncoderTask: TrainingTask {
    /// How it is trained.
    public struct Recipe: Codable, Equatable, Sendable {
        /// The encoder to make or go on from.
        public var textEncoder: TextEncoderRecipe
        /// The folder of the ImageBind whose space is learnt.
        public var encoder: String
        /// The modality of the media.
        public var modality: Modality
        /// Whether the factor of the cosines is learnt, or stays as it starts.
        public var learnsScale: Bool

        /// A recipe.
        public init(
            textEncoder: TextEncoderRecipe, encoder: String, modality: Modality,
            learnsScale: Bool = true
        ) {
            (self.textEncoder, self.encoder) = (textEncoder, encoder)
            (self.modality, self.learnsScale) = (modality, learnsScale)
        }
    }

    /// A caption and the embedding of its medium.
    public struct Item: Sendable {
        let caption: [Int32]
        let embedding: Tensor
    }

    public let name: String
    public let contrastsMicroBatch = true
    public let phases: [TrainingPhase]
    private let tower: TextTower
    private let encoder: ImageBind
    private let modality: Modality
    private let logarithm: Parameter
    private let embeddings: MediaCache<Tensor>

    /// Makes or opens the encoder.
    ///
    /// - Parameter name: `clip_text` or `clap_text`
    /// - Throws: `SettingsError`, `ConfigError`, `CheckpointError`, `TokenizerError`
    public init(_ name: String, _ recipe: Recipe, _ source: PretrainingSource) throws {
        self.name = name
        encoder = try EncoderFolder.frozen(source.path(recipe.encoder))
        tower = try TextTower(
            name == PretrainingTask.clapText.rawValue ? .clap : .clip, recipe.textEncoder,
            projecting: encoder.config.embeddingWidth, key: "text_encoder", source)
        modality = recipe.modality
        logarithm = Parameter("logit_scale", Tensor(logf(1 / 0.07)))
        logarithm.isTrainable = recipe.learnsScale
        phases = [
            TrainingPhase(
                "all",
                [ParameterGroup("textEncoder", tower.parameters)]
                    // Weight decay would draw the scale to one.
                    + (recipe.learnsScale
                        ? [ParameterGroup("logitScale", [logarithm], weightDecay: 0)] : []))
        ]
        embeddings = MediaCache(byteLimit: 256 << 20) { $0.byteCount }
    }

    public var identity: [String: String] { ["vocabulary": tower.vocabularyFingerprint] }

    public func prepare(_ sample: DialogueSample) throws -> Item? {
        let captioned = CaptionedMedia(sample)
        guard let reference = captioned.first(modality), !captioned.caption.isEmpty else {
            return nil
        }
        let embedding = try embeddings.value(of: reference) { path in
            let input = try encoder.config.input(path, modality).unsqueezed(0)
            return encoder.embed(input, modality).normalized()[0].dense()
        }
        return Item(caption: tower.ids(of: captioned.caption), embedding: embedding)
    }

    public func counts(of items: [Item], in phase: Int) -> [LossUnit: Int] {
        [.samples: items.count]
    }

    public func loss(
        of items: [Item], in phase: Int, at moment: TrainingMoment
    ) throws -> TrainingLoss {
        let captions = items.map(\.caption)
        let groups = captions.enumerated().map { captions.firstIndex(of: $1) ?? $0 }
        let sum = contrast(
            tower.embeddings(captions), Tensor.stack(items.map(\.embedding)),
            scale: logitScale(logarithm.value), groups: groups)
        return TrainingLoss(
            [LossTerm("contrast", sum: sum, per: .samples)],
            tokens: captions.reduce(0) { $0 + $1.count })
    }

    /// Writes `text_encoder` and `tokenizer` as a decoder's folder has them; CLIP's with its
    /// projection and scale, which decoders leave alone.
    public func write(to folder: String) throws {
        var tensors = tower.parameters.tensors
        if case .clip = tower.config { tensors += [logarithm].tensors }
        try tower.write(
            tensors, to: "\(folder)/text_encoder", tokenizer: "\(folder)/tokenizer")
    }
}
