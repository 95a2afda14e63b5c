public import DataPipeline
package import Dialogue
import ModelZoo
import SouthGPT
public import TensorCore

/// One of the three stages as a task of the trainer: what moves, and what its samples pull at.
///
/// The encoder runs outside of any gradient and without dropout: what it makes of a file is a
/// constant, computed when a sample is loaded and kept. So are the language model's own weights,
/// of whatever type they are stored in.
public struct StageTask: TrainingTask {
    /// A sample made ready.
    public struct Item: Sendable {
        package let sequence: DialogueSequence
        /// ImageBind's vector of each of the sequence's media.
        let media: [Tensor]
        /// What each of its spans should become; none where the stage does not ask.
        let targets: [Tensor]

        package init(sequence: DialogueSequence, media: [Tensor], targets: [Tensor]) {
            (self.sequence, self.media, self.targets) = (sequence, media, targets)
        }
    }

    /// Which stage.
    public let stage: Stage
    /// Its settings.
    public let config: TrainingConfig
    /// What moves.
    public let trained: Set<Stage.Group>
    public let phases: [TrainingPhase]
    /// What there is and what moves.
    public let parameterReport: ParameterReport?
    public let identity: [String: String]
    package let model: StageModel
    /// What tells the delta that training began with from others.
    let start: String
    let memory: MemoryBudget
    let embeddings: CaptionEmbeddings
    private let vectors: MediaCache<Tensor>

    /// Opens a model to be trained.
    ///
    /// - Parameters:
    ///   - place: the frozen parts
    ///   - delta: what training goes on from: a folder or file of any stage; nil takes the model
    ///     folder's, and where there is none everything is drawn
    ///   - storage: what the moving weights are kept in once a run begins, beside masters: `float32`
    ///     or `bfloat16`
    ///   - started: the delta that an interrupted run began with, by its identity: where `delta` is
    ///     what that run left at its end, it still goes on from there
    /// - Throws: `ModelError`, `CheckpointError`, `ConfigError`, `TokenizerError`,
    ///   `SettingsError`, `MemoryError`
    public init(
        _ stage: Stage, config: TrainingConfig, model place: StageModelPlace,
        delta: String? = nil, storage: DType = .float32, started: String? = nil,
        device: Device = .cpu, memory: MemoryBudget = MemoryBudget()
    ) throws {
        self.stage = stage
        self.config = config
        self.memory = memory
        let trained = stage.trained(by: config)
        self.trained = trained
        var adapter: LoRAConfig?
        if trained.contains(.adapters) {
            adapter = LoRAConfig(
                rank: config.loraR ?? 32, alpha: Float(config.loraAlpha ?? config.loraR ?? 32))
        }
        let model = try StageModel(
            place, config, delta: delta, adapter: adapter, device: device, memory: memory)
        self.model = model
        for parameter in model.parameters { parameter.isTrainable = false }
        let groups = Stage.Group.allCases.filter(trained.contains).map { group in
            ParameterGroup(
                group.rawValue,
                model.parameters.filter { group.holds($0.name, in: config) })
        }
        for parameter in groups.flatMap(\.parameters) {
            parameter.replace(with: parameter.value.cast(to: .float32))
            parameter.isTrainable = true
        }
        phases = [TrainingPhase("all", groups, storage: storage)]
        parameterReport = try ParameterReport(model)
        if let notes = model.delta?.notes, notes.stage == stage.rawValue, let started,
            notes.startedFrom == started
        {
            start = started
        } else {
            start =
                try model.delta.map { try Checkpoint(contentsOf: $0.file).fingerprint() }
                ?? "none"
        }
        identity = try model.frozenParts().merging([StageTask.startKey: start]) { $1 }
        embeddings = CaptionEmbeddings(
            expecting: Dictionary(
                uniqueKeysWithValues: model.projections.outputs.map { modality, projection in
                    let (tokens, width) = (
                        projection.config.outputTokens, projection.config.outputWidth
                    )
                    return (
                        modality,
                        ConditioningForm(
                            decoder: config.decoders[modality] ?? modality.rawValue,
                            shape: modality == .audio && tokens == 1 ? [width] : [tokens, width])
                    )
                }))
        vectors = MediaCache(byteLimit: 256 << 20, size: \.byteCount)
    }

    public var name: String { "stage_\(stage.rawValue)" }

    /// Under what an identity has the delta that a run began with.
    static let startKey = "delta that it began with"

    /// - Throws: `DialogueError`
    public func layout(of sample: DialogueSample) throws -> String? {
        try SampleTable(sample, layout: model.layout, maxLength: config.maxLength).description
    }

    /// Checks, before anything is trained, that the embedding of every caption that the stage
    /// trains towards is there and fits.
    ///
    /// - Throws: `StageError`, `EmbeddingError`, `CheckpointError`
    public func check(_ datasets: [DialogueDataset]) throws {
        guard stage.alignmentWeight(.image) > 0 else { return }
        try embeddings.check(datasets)
    }

    /// - Throws: `StageError`, `EmbeddingError`, `DialogueError`, `DatasetError`, `MediaError`,
    ///   `CheckpointError`
    public func prepare(_ sample: DialogueSample) throws -> Item? {
        let whole = try model.layout.sequence(of: sample.messages)
        guard let sequence = whole.fitted(to: config.maxLength).sequence,
            sequence.labels.dropFirst().contains(where: { $0 != nil })
        else { return nil }
        let media = try sequence.media.map { medium in
            // What was cut away leaves the others in order, but not at their numbers.
            guard
                let reference = sample.media.first(where: {
                    $0.modality == medium.modality && $0.name == medium.name
                })
            else { preconditionFailure("\(sample.place): no medium '\(medium.name)'") }
            return try vector(of: reference)
        }
        let targets = try sequence.spans.compactMap { span -> Tensor? in
            guard stage.alignmentWeight(span.modality) > 0 else { return nil }
            return try embeddings.embedding(of: sample.targets[span.signal], in: sample)
        }
        return Item(sequence: sequence, media: media, targets: targets)
    }

    /// ImageBind's vector of a file, `[width]`.
    private func vector(of medium: MediaReference) throws -> Tensor {
        try vectors.value(of: medium) { path in
            let input = try model.encoder.config.input(path, medium.modality).unsqueezed(0)
            return withoutGradients { model.encoder.embed(input, medium.modality) }.squeezed(0)
        }
    }

    public func counts(of items: [Item], in phase: Int) -> [LossUnit: Int] {
        [
            .samples: items.count,
            .tokens: items.reduce(0) { $0 + $1.sequence.labels.dropFirst().count { $0 != nil } },
            .spans: items.reduce(0) { $0 + $1.targets.count },
        ]
    }

    public func loss(
        of items: [Item], in phase: Int, at moment: TrainingMoment
    ) throws -> TrainingLoss {
        StageBatch(items, padID: model.layout.tokenizer.padID ?? model.layout.tokenizer.eosID)
            .loss(in: self, dropout: dropout(for: items.count, at: moment))
    }

    private func dropout(for count: Int, at moment: TrainingMoment) -> Dropout? {
        guard moment.isTraining, trained.contains(.adapters), let rate = config.loraDropout,
            rate > 0
        else { return nil }
        return Dropout(
            rate: Float(rate),
            samples: (0..<count).map { moment.generator(for: "dropout", sample: $0) })
    }
}

extension Stage {
    /// What moves: the added rows always, the rest by the configuration, whose switches are the
    /// reference's. The encoder, the LLM's own weights and the decoders never do.
    package func trained(by config: TrainingConfig) -> Set<Group> {
        var groups: Set<Group> = [.addedTokenRows]
        if !config.freezeInputProj { groups.insert(.inputProjection) }
        if !config.freezeOutputProj { groups.insert(.outputProjections) }
        if !config.freezeLm { groups.insert(.adapters) }
        return groups
    }
}

extension Stage.Group {
    /// Whether a parameter of that name belongs to the group.
    func holds(_ name: String, in config: TrainingConfig) -> Bool {
        switch self {
        case .inputProjection: name.hasPrefix("llama_proj.")
        case .outputProjections: name.hasPrefix("gen_text_hidden_fcs")
        case .addedTokenRows:
            name.hasSuffix(".added_rows")
                || config.trainFullEmbeddings == true
                    && ["model.embed_tokens.weight", "lm_head.weight"].contains(name)
        case .adapters: name.contains(".lora_")
        }
    }
}
