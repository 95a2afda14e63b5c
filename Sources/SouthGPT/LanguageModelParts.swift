package import ModelZoo
package import TensorCore

/// How the language model is opened to be trained.
package struct LanguageModelTraining: Sendable {
    /// Whether the whole embedding and head move, not only the rows of added tokens.
    package var movesBaseRows: Bool
    /// What rows that no file has start as.
    package var initial: AddedRowsInitial
    /// The adapters that are trained; nil leaves those that a delta has as they are.
    package var adapter: LoRAConfig?
    /// Of everything that is drawn.
    package var seed: UInt64

    package init(
        movesBaseRows: Bool = false, initial: AddedRowsInitial = .mean,
        adapter: LoRAConfig? = nil, seed: UInt64 = 13
    ) {
        (self.movesBaseRows, self.initial) = (movesBaseRows, initial)
        (self.adapter, self.seed) = (adapter, seed)
    }
}

/// The language model and its vocabulary, base and delta together.
package struct LanguageModelParts: Sendable {
    package let model: LLaMA
    /// All of its weights, in the order they were asked for.
    package let parameters: [Parameter]
    /// Its folder, or its file.
    package let folder: String
    /// What tells it from others.
    package let fingerprint: BaseFingerprint
    /// The adapters that it has.
    package let adapter: LoRAConfig?

    /// Opens a folder of LLaMA's files, or one model as GGUF: the weights stay in its blocks.
    ///
    /// - Parameter training: apart from their tables, rows of added tokens are then parameters of
    ///   their own, in `float32`
    /// - Throws: `ModelError`, `CheckpointError`, `ConfigError`, `MemoryError`
    package init(
        _ path: String, _ delta: Delta?, _ tokenizer: LLaMATokenizer,
        training: LanguageModelTraining? = nil, device: Device = .cpu,
        memory: MemoryBudget = MemoryBudget()
    ) throws {
        folder = path
        let files = try LLaMAFiles(path)
        try files.refuseOthers()
        let base = files.checkpoint
        var config = files.config
        try memory.reserve(base.byteCount, for: "The language model", mapped: true)
        fingerprint = try BaseFingerprint(base)
        if let delta, let expected = delta.notes.base, !fingerprint.matches(expected) {
            throw ModelError.deltaOfAnotherBase(file: delta.file, base: base.file)
        }
        let tables = VocabularyTables(base: base, delta: delta, tokenizer: tokenizer)
        let vocabulary: [StoredTensor]
        var addedRows = 0
        if let training {
            config.vocabSize = max(tokenizer.vocabularySize, tables.firstAdded)
            addedRows = training.movesBaseRows ? 0 : config.vocabSize - tables.baseRows
            vocabulary = try tables.trainable(training, count: config.vocabSize, config.isTied)
        } else {
            config.vocabSize = try tables.readableRows() ?? config.vocabSize
            vocabulary = try VocabularyTables.names.compactMap(tables.whole)
        }
        adapter = try LanguageModelParts.adapter(training?.adapter, delta)
        var weights = Weights(
            [try Checkpoint(file: base.file, tensors: vocabulary)]
                + [delta?.languageModel, base].compactMap { $0 },
            drawing: training == nil ? [] : ["*.lora_A.*", "*.lora_B.*"],
            seed: training?.seed ?? 0, device: device
        ).extended(by: addedRows, matching: ["model.embed_tokens", "lm_head"])
        if let adapter {
            weights = weights.adapted(
                adapter,
                matching: ["q_proj", "k_proj", "v_proj", "o_proj"].map { "*.self_attn.\($0)" })
        }
        model = try LLaMA(config, from: weights)
        try weights.finish(unused: LLaMA.unusedTensors(config))
        parameters = weights.parameters
    }

    private static func adapter(_ wanted: LoRAConfig?, _ delta: Delta?) throws -> LoRAConfig? {
        guard let delta, let found = delta.adapter else { return wanted }
        if let wanted, wanted != found {
            func text(_ config: LoRAConfig) -> String {
                "rank \(config.rank) and alpha \(config.alpha)"
            }
            throw ModelError.otherAdapters(
                found: text(found), expected: text(wanted), file: delta.file)
        }
        return found
    }
}

extension VocabularyTables {
    /// How many rows the model reads; nil where no file has a table.
    ///
    /// - Throws: `ModelError.missingSignalRows`
    fileprivate func readableRows() throws -> Int? {
        let (stored, needed) = (storedRows, tokenizer.vocabularySize)
        // Where the delta names its tokens, rows may have to be found by name.
        let isNamed = delta?.tokenIDs.isEmpty == false
        guard stored >= needed || (isNamed && stored > 0) else {
            throw ModelError.missingSignalRows(rows: stored, expected: needed, file: base.file)
        }
        return try whole(VocabularyTables.names[0])?.shape.first
    }

    /// The tables with the rows that move apart, or as a whole where all do.
    fileprivate func trainable(
        _ training: LanguageModelTraining, count: Int, _ isTied: Bool
    ) throws -> [StoredTensor] {
        // A delta that left the base's rows alone has them rounded: the base has them exactly.
        let keepsBase = delta.map { !$0.notes.movesBaseRows } ?? true
        return try VocabularyTables.names.prefix(isTied ? 1 : 2).flatMap { name in
            func rows(_ ids: Range<Int>) throws -> Tensor {
                try self.rows(
                    ids, of: name, initial: training.initial, seed: training.seed,
                    keepsBase: keepsBase)
            }
            if training.movesBaseRows {
                let whole = try rows(0..<count).cast(to: .float32)
                return [StoredTensor(name: name, value: whole, file: base.file)]
            }
            let layer = name.dropLast("weight".count)
            let added = try rows(baseRows..<count).cast(to: .float32)
            return [
                StoredTensor(name: name, value: try rows(0..<baseRows), file: base.file),
                StoredTensor(name: "\(layer)added_rows", value: added, file: base.file),
            ]
        }
    }
}
