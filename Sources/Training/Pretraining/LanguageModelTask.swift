public import DataPipeline
import Dialogue
public import ModelZoo
import TensorCore

/// How a language model is trained on its own.
public struct LanguageModelRecipe: Codable, Equatable, Sendable {
    /// What of a sample is learnt.
    public enum Learnt: String, Codable, Sendable {
        /// What the assistant says, as in the stages.
        case replies
        /// Every token of a dialogue.
        case dialogue
        /// Every token of the texts as they stand, without marks of who speaks.
        case text
    }

    /// The folder of a model to go on from; nil starts a fresh one.
    public var from: String?
    /// The sizes of a fresh one; `vocab_size` is that of the vocabulary to make.
    public var config: LLaMAConfig?
    /// The folder of a vocabulary; nil takes that of `from`, or makes one from the datasets' texts.
    public var tokenizer: String?
    public var learns: Learnt
    /// Tokens of a sample; longer ones are cut.
    public var maxLength: Int

    /// A recipe.
    public init(
        from: String? = nil, config: LLaMAConfig? = nil, tokenizer: String? = nil,
        learns: Learnt = .replies, maxLength: Int = 512
    ) {
        (self.from, self.config, self.tokenizer) = (from, config, tokenizer)
        (self.learns, self.maxLength) = (learns, maxLength)
    }
}

/// A language model that learns to go on, from nothing or from where another training left it.
///
/// Media and signals of the samples are left out: what they mean is what the stages teach.
public struct LanguageModelTask: TrainingTask {
    /// Token ids, and which of them are learnt.
    public struct Item: Sendable {
        let ids: [Int32]
        let isLearnt: [Bool]

        package init(ids: [Int32], isLearnt: [Bool]) {
            (self.ids, self.isLearnt) = (ids, isLearnt)
        }

        /// How many predictions count; the first token follows nothing.
        var labels: Int { isLearnt.dropFirst().count { $0 } }
    }

    public let name = "llama"
    public let phases: [TrainingPhase]
    /// The model in training.
    public let model: LLaMA
    /// Its vocabulary.
    public let tokenizer: LLaMATokenizer
    private let recipe: LanguageModelRecipe
    private let parameters: [Parameter]
    private let layout: SequenceLayout
    /// What a pass of training does beside computing.
    package let training: LLaMATraining

    /// Makes or opens the model and its vocabulary.
    ///
    /// - Throws: `SettingsError`, `ConfigError`, `CheckpointError`, `TokenizerError`
    public init(_ recipe: LanguageModelRecipe, _ source: PretrainingSource) throws {
        guard recipe.maxLength > 1 else {
            throw source.fault("max_length", "\(recipe.maxLength)", "more than 1")
        }
        let folder = recipe.from.map(source.path)
        var config = try source.config(in: folder, or: recipe.config)
        if let place = recipe.tokenizer.map(source.path) ?? folder {
            tokenizer = try LLaMATokenizer(folder: place)
        } else {
            let trainer = try SentencePieceTrainer(vocabularySize: config.vocabSize)
            var texts = try source.texts()
            if recipe.learns != .text {
                // The marks come as often as texts, and without pieces of their own cost ten each.
                let marks = [
                    SequenceLayout.opening, SequenceLayout.replyOpening, SequenceLayout.terminator,
                ]
                texts += texts.flatMap { _ in marks }
            }
            tokenizer = try LLaMATokenizer(model: trainer.train(texts))
        }
        if folder == nil {
            config.vocabSize = tokenizer.vocabularySize
        } else if tokenizer.vocabularySize > config.vocabSize {
            throw source.fault(
                "tokenizer", "of \(tokenizer.vocabularySize) tokens",
                "at most the model's \(config.vocabSize)")
        }
        let weights = try Weights.starting(from: folder, seed: source.seed)
        model = try LLaMA(config, from: weights)
        try weights.finish(unused: LLaMA.unusedTensors(config))
        parameters = weights.trainable()
        phases = [
            TrainingPhase(
                "all", [ParameterGroup("languageModel", parameters)], storage: source.storage)
        ]
        training = LLaMATraining(recomputesLayers: source.recomputesLayers)
        // No sample has media or signals left, so that no id beyond the vocabulary is ever used.
        let signals = SignalTokens()
        layout = try SequenceLayout(tokenizer.adding(signals.allNames), signals)
        self.recipe = recipe
    }

    public var identity: [String: String] {
        let tokens = (0..<tokenizer.vocabularySize).lazy.compactMap(tokenizer.token)
        return ["vocabulary": textFingerprint(of: tokens.flatMap { Array($0.utf8) + [0] })]
    }

    public func prepare(_ sample: DialogueSample) throws -> Item? {
        let messages = sample.messages.map { Message($0.role, $0.text) }
        let item: Item
        if recipe.learns == .text {
            let text = messages.map(\.text).joined(separator: "\n")
            let ids = [tokenizer.bosID] + tokenizer.encode(text) + [tokenizer.eosID]
            let kept = ids.prefix(recipe.maxLength).map { Int32($0) }
            item = Item(ids: kept, isLearnt: kept.map { _ in true })
        } else {
            let whole = try layout.sequence(of: messages)
            guard let sequence = whole.fitted(to: recipe.maxLength).sequence else { return nil }
            let ids = sequence.elements.map { element -> Int32 in
                if case .token(let id) = element { Int32(id) } else { 0 }
            }
            item = Item(
                ids: ids, isLearnt: sequence.labels.map { recipe.learns == .dialogue || $0 != nil })
        }
        return item.labels > 0 ? item : nil
    }

    public func counts(of items: [Item], in phase: Int) -> [LossUnit: Int] {
        [.samples: items.count, .tokens: items.reduce(0) { $0 + $1.labels }]
    }

    public func loss(
        of items: [Item], in phase: Int, at moment: TrainingMoment
    ) throws -> TrainingLoss {
        LanguageModelTask.loss(
            of: items, by: model, training: moment.isTraining ? training : LLaMATraining())
    }

    package static func loss(
        of items: [Item], by model: LLaMA, training: LLaMATraining = LLaMATraining()
    ) -> TrainingLoss {
        // The last token of each is predicted and predicts nothing.
        let time = items.reduce(1) { max($0, $1.ids.count - 1) }
        var (inputs, places, targets) = ([Int32](), [Int32](), [Int32]())
        for (row, item) in items.enumerated() {
            inputs += item.ids.dropLast() + [Int32](repeating: 0, count: time + 1 - item.ids.count)
            for place in 1..<item.ids.count where item.isLearnt[place] {
                places.append(Int32(row * time + place - 1))
                targets.append(item.ids[place])
            }
        }
        let embeddings = model.embedTokens(Tensor(inputs, [items.count, time]))
        let states = model.hiddenStates(embeddings, layers: [-1], training: training)[0]
        let learnt = states.reshaped([items.count * time, states.shape[2]])
            .rows(at: Tensor(places, [places.count]))
        let logits = model.logits(learnt)
        let sum = logits.crossEntropy(Tensor(targets, [targets.count]), reduction: .sum)
        let correct = zip(logits.detached().argMax().integers(), targets).count { $0 == Int($1) }
        return TrainingLoss(
            [LossTerm("cross_entropy", sum: sum, per: .tokens)],
            accuracy: (correct, targets.count), tokens: items.count * time)
    }

    /// What the model says of its own accord after the beginning of each item.
    public func previews(of items: [Item], at moment: TrainingMoment) throws -> [Preview] {
        items.enumerated().map { index, item in
            let start = item.isLearnt.firstIndex(of: true) ?? 1
            let beginning = item.ids.prefix(max(start, 1)).map(Int.init)
            var ids = beginning
            let cache = model.newCache()
            var next = ids
            for _ in 0..<32 {
                let rows = model.embedTokens(Tensor(next.map { Int32($0) }, [next.count]))
                let last = model.hiddenStates(rows, cache: cache)[(next.count - 1)..<next.count]
                let id = model.logits(last).argMax().integers()[0]
                if model.config.endTokens.contains(id) { break }
                ids.append(id)
                next = [id]
            }
            return Preview("text/\(index)", .text(tokenizer.decode(ids)))
        }
    }

    /// Writes `config.json`, `model.safetensors` and the vocabulary.
    public func write(to folder: String) throws {
        let component = try ComponentFolder(folder)
        try component.write(model.config, parameters.tensors)
        try tokenizer.write(to: folder)
    }
}
