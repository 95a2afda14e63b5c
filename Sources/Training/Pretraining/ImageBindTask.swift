public import DataPipeline
import FoundationEssentials
import Glibc
public import ModelZoo
import SouthGPT
import TensorCore

/// The towers of images, clips, sounds and texts, which learn to put what belongs together in one
/// place: InfoNCE of every two kinds that samples of a batch have both.
///
/// The wrong answers are those of the micro-batch; samples of one caption are none for each other.
/// Of the views of a clip or sound, one at random is learnt from.
///
/// Paper: Girdhar et al. 2023, arXiv:2305.05665.
public struct ImageBindTask: TrainingTask {
    /// The kinds that are contrasted.
    enum Kind: Hashable, Sendable, Comparable {
        case text
        case medium(Modality)

        private var rank: Int {
            switch self {
            case .text: 0
            case .medium(.image): 1
            case .medium(.audio): 2
            case .medium(.video): 3
            }
        }

        static func < (a: Kind, b: Kind) -> Bool { a.rank < b.rank }

        var name: String {
            switch self {
            case .text: "text"
            case .medium(let modality): modality.rawValue
            }
        }
    }

    /// A caption, and the views of one medium of each modality that the sample has.
    public struct Item: Sendable {
        let caption: [Int32]
        let media: [Modality: Tensor]

        var kinds: [Kind] {
            ((caption.isEmpty ? [] : [.text]) + media.keys.map { .medium($0) }).sorted()
        }

        /// Every two kinds that it has.
        var pairs: [Pair] {
            kinds.indices.flatMap { first in
                kinds[(first + 1)...].map { Pair(first: kinds[first], second: $0) }
            }
        }
    }

    struct Pair: Hashable, Sendable {
        let first, second: Kind
    }

    /// The folder of the vocabulary to take; nil to make one. A text tower that has learned goes on
    /// with the vocabulary that it learned with: by another its embeddings would be of other words.
    private static func vocabulary(
        _ recipe: ImageBindRecipe, _ checkpoint: Checkpoint?, _ source: PretrainingSource
    ) throws -> String? {
        guard recipe.tokenizer == nil, let from = recipe.from, let checkpoint else {
            return recipe.tokenizer
        }
        if FileManager.default.fileExists(atPath: "\(source.path(from))/vocab.json") { return from }
        guard checkpoint["modality_preprocessors.text.token_embedding.weight"] == nil else {
            throw source.fault("tokenizer", "absent", "the folder of the text tower's vocabulary")
        }
        return nil
    }

    /// Draws the positions of some towers anew.
    private static func drawPositions(
        _ deviations: [String: Float], of parameters: [Parameter], _ source: PretrainingSource
    ) throws {
        var draws = CounterGenerator(seed: source.seed, call: 1)
        for (tower, deviation) in deviations.sorted(by: { $0.key < $1.key }) {
            guard ["audio", "vision"].contains(tower) else {
                throw source.fault("position_deviation", "of '\(tower)'", "of 'vision' or 'audio'")
            }
            guard deviation >= 0, deviation.isFinite else {
                throw source.fault("position_deviation.\(tower)", "\(deviation)", "0 or above")
            }
            let name = "modality_preprocessors.\(tower).pos_embedding_helper.pos_embed"
            for parameter in parameters where parameter.name == name {
                parameter.replace(with: draws.normal(parameter.value.shape) * deviation)
            }
        }
    }

    private static func isOfText(_ name: String) -> Bool {
        name.split(separator: ".").prefix(2).last == "text"
    }

    public let name = "imagebind"
    public let contrastsMicroBatch = true
    public let phases: [TrainingPhase]
    /// The towers of images, clips and sounds.
    public let media: ImageBind
    /// The tower of texts.
    public let text: ImageBindText
    private let vocabulary: TextVocabulary
    private let parameters: [Parameter]

    /// Makes or opens the towers and the vocabulary.
    ///
    /// - Throws: `SettingsError`, `ConfigError`, `CheckpointError`, `TokenizerError`
    public init(_ recipe: ImageBindRecipe, _ source: PretrainingSource) throws {
        let folder = recipe.from.map(source.path)
        var config: ImageBindConfig
        if let folder, let stored = try EncoderFolder.config(folder) {
            config = stored
        } else if let sizes = recipe.config {
            config = sizes
        } else {
            throw source.fault("config", "absent", "the sizes of the towers")
        }
        guard var textConfig = config.text ?? recipe.config?.text else {
            throw source.fault("config.text", "absent", "the sizes of the text tower")
        }
        let checkpoint = try folder.map { try EncoderFolder.checkpoint($0) }
        vocabulary = try TextVocabulary(
            .clip(), folder: try Self.vocabulary(recipe, checkpoint, source),
            size: textConfig.vocabularySize, source)
        if folder == nil { textConfig.vocabularySize = vocabulary.size }
        guard vocabulary.size <= textConfig.vocabularySize else {
            throw source.fault(
                "tokenizer", "of \(vocabulary.size) tokens",
                "at most the tower's \(textConfig.vocabularySize)")
        }
        config.text = textConfig
        let weights =
            checkpoint.map {
                Weights($0, drawing: ["modality_*.text.*"], seed: source.seed)
            } ?? .fresh(seed: source.seed)
        media = try ImageBind(config, from: weights)
        text = try ImageBindText(
            textConfig, embeddingWidth: config.embeddingWidth, from: weights)
        try weights.finish(unused: [
            "modality_*.depth.*", "modality_*.thermal.*", "modality_*.imu.*",
            "modality_postprocessors.audio.*", "modality_preprocessors.text.mask",
        ])
        parameters = weights.trainable()
        try Self.drawPositions(recipe.positionDeviation ?? [:], of: parameters, source)
        let scale = text.logarithmOfLogitScale
        if !recipe.learnsScale { scale.isTrainable = false }
        if recipe.trainsText == false {
            for parameter in parameters
            where parameter !== scale && Self.isOfText(parameter.name) {
                parameter.isTrainable = false
            }
        }
        phases = [
            TrainingPhase(
                "all",
                [
                    ParameterGroup(
                        "towers",
                        parameters.filter {
                            $0 !== scale
                                && (recipe.trainsText != false || !Self.isOfText($0.name))
                        })
                ]
                    // Weight decay would draw the scale to one.
                    + (recipe.learnsScale
                        ? [ParameterGroup("logitScale", [scale], weightDecay: 0)] : []))
        ]
    }

    public var identity: [String: String] { ["vocabulary": vocabulary.fingerprint] }

    public func prepare(_ sample: DialogueSample) throws -> Item? {
        let captioned = CaptionedMedia(sample)
        var views: [Modality: Tensor] = [:]
        for modality in Modality.allCases {
            guard let reference = captioned.first(modality) else { continue }
            views[modality] = try reference.withPath { path in
                let input = try media.config.input(path, modality)
                return modality == .image ? input.unsqueezed(0) : input
            }
        }
        let item = Item(caption: ids(of: captioned.caption), media: views)
        return item.pairs.isEmpty ? nil : item
    }

    /// A text as the tower takes it: its end mark, then zeros. Nothing for an empty one.
    private func ids(of caption: String) -> [Int32] {
        guard !caption.isEmpty else { return [] }
        let length = text.config.contextLength
        let ids = vocabulary.tokenize(caption, length)
        // The end mark is the largest id.
        let end = ids.firstIndex(of: ids.max() ?? 0) ?? 0
        return ids.indices.map { $0 <= end ? Int32(ids[$0]) : 0 }
    }

    public func counts(of items: [Item], in phase: Int) -> [LossUnit: Int] {
        [.samples: items.reduce(0) { $0 + $1.pairs.count }]
    }

    public func loss(
        of items: [Item], in phase: Int, at moment: TrainingMoment
    ) throws -> TrainingLoss {
        var embeddings: [Kind: Tensor] = [:]
        var rows: [Kind: [Int: Int]] = [:]
        for kind in Set(items.flatMap(\.kinds)).sorted() {
            let places = items.indices.filter { items[$0].kinds.contains(kind) }
            rows[kind] = Dictionary(uniqueKeysWithValues: places.enumerated().map { ($1, $0) })
            embeddings[kind] = embed(kind, of: places, in: items, moment)
        }
        // Samples of one caption are one group; those without differ from all others.
        let groups = items.enumerated().map { index, item in
            item.caption.isEmpty
                ? index : items.firstIndex { $0.caption == item.caption } ?? index
        }
        let terms = Set(items.flatMap(\.pairs)).sorted {
            ($0.first, $0.second) < ($1.first, $1.second)
        }
        .compactMap { pair -> LossTerm? in
            let places = items.indices.filter { items[$0].pairs.contains(pair) }
            guard let a = embeddings[pair.first], let b = embeddings[pair.second] else {
                return nil
            }
            func picked(_ x: Tensor, _ kind: Kind) -> Tensor {
                let chosen = places.compactMap { rows[kind]?[$0] }
                return x.rows(at: Tensor(chosen.map { Int32($0) }, [chosen.count]))
            }
            let sum = contrast(
                picked(a, pair.first), picked(b, pair.second),
                scale: scale(of: pair), groups: places.map { groups[$0] })
            return LossTerm(
                "\(pair.first.name)_\(pair.second.name)", sum: sum, per: .samples)
        }
        return TrainingLoss(terms)
    }

    /// The learnt factor where a text is one of the two; else the fixed one of sounds.
    private func scale(of pair: Pair) -> Tensor {
        pair.first == .text
            ? logitScale(text.logarithmOfLogitScale.value) : Tensor(media.config.audio.logitScale)
    }

    /// One kind of some of a micro-batch's items, which all have it.
    private func embed(
        _ kind: Kind, of places: [Int], in items: [Item], _ moment: TrainingMoment
    ) -> Tensor {
        guard case .medium(let modality) = kind else {
            let ids = places.flatMap { items[$0].caption }
            return text.embed(Tensor(ids, [places.count, text.config.contextLength]))
        }
        let draws = moment.uniform(for: "views.\(kind.name)", samples: items.count)
        let kept = places.compactMap { place -> Tensor? in
            guard let views = items[place].media[modality] else { return nil }
            let count = views.shape[0]
            let index = min(Int(draws[place] * Float(count)), count - 1)
            return moment.isTraining ? views[index..<(index + 1)] : views
        }
        let batch = Tensor.stack(kept)
        // The mean of several unit vectors is shorter than one.
        return media.embed(modality == .image ? batch.squeezed(1) : batch, modality).normalized()
    }

    /// Writes `config.json`, `model.safetensors` under the names of `imagebind_huge.pth`, and the
    /// vocabulary of texts.
    public func write(to folder: String) throws {
        var config = media.config
        config.text = text.config
        let length = text.config.contextLength
        let mask = (0..<(length * length)).map { index -> Float in
            index % length > index / length ? -.infinity : 0
        }
        let buffers: [(name: String, value: Tensor)] = [
            ("modality_preprocessors.text.mask", Tensor(mask, [length, length])),
            (
                "modality_postprocessors.audio.1.log_logit_scale",
                Tensor(logf(config.audio.logitScale))
            ),
        ]
        try ComponentFolder(folder).write(config, parameters.tensors + buffers)
        try vocabulary.write(to: folder)
    }
}
