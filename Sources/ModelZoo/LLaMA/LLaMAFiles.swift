import FoundationEssentials
public import TensorCore

/// The files of a language model alone: its sizes and its weights, in whichever form people have
/// them. Opening reads tables of contents only.
public struct LLaMAFiles: Sendable {
    /// The sizes.
    public let config: LLaMAConfig
    /// The weights, under the names and in the layout that Hugging Face's releases have.
    public let checkpoint: Checkpoint
    /// The GGUF file they come from, whose metadata holds the tokenizer too; nil for other forms.
    public let gguf: GGUF?
    /// In which of their forms the files are.
    package let form: Form
    /// In what the files disagree and can be read all the same, a line for each.
    public let remarks: [String]

    private static let embedding = "model.embed_tokens.weight"

    /// Whose files they are.
    package enum Form: Sendable {
        case huggingFace, gguf, meta, llama2C
    }

    /// Opens a folder with `config.json` and its weights, one of Meta's with `params.json`, a GGUF
    /// file, or one of llama2.c.
    ///
    /// - Throws: `ConfigError`, `CheckpointError`
    public init(_ path: String) throws {
        if let gguf = try LLaMAFiles.gguf(at: path) {
            try self.init(gguf: gguf)
        } else if LLaMAFiles.isMeta(path) {
            let files = try MetaLLaMA(path)
            try self.init(files.config, files.checkpoint, .meta)
        } else if LLaMAFiles.isFolder(path) {
            var config = try LLaMAConfig.read(from: "\(path)/config.json")
            let checkpoint = try Checkpoint(folder: path)
            // The tensor counts, where files disagree.
            let told = config.vocabSize
            config.vocabSize = checkpoint[LLaMAFiles.embedding]?.shape.first ?? told
            try self.init(
                config, checkpoint, .huggingFace,
                remarks: told == config.vocabSize
                    ? []
                    : [
                        "\(path)/config.json: 'vocab_size' is \(told), the weights have "
                            + "\(config.vocabSize) rows of vocabulary, and these count. "
                            + "Are both of the same release?"
                    ])
        } else {
            let checkpoint = try Checkpoint(contentsOf: path)
            guard let config = LLaMAConfig(llama2C: checkpoint.metadata) else {
                throw CheckpointError.unsupported(
                    file: path, what: "a file of weights without the sizes of its network",
                    mend: "Give the folder that has config.json beside it, or a GGUF file.")
            }
            try self.init(config, checkpoint, .llama2C)
        }
    }

    private init(
        _ config: LLaMAConfig, _ checkpoint: Checkpoint, _ form: Form, remarks: [String] = []
    ) throws {
        try config.validate()
        self.remarks = remarks
        self.config = config
        self.form = form
        self.checkpoint = checkpoint
        gguf = nil
    }

    /// Whether a folder is one of Meta's, and has not been converted to Hugging Face's.
    public static func isMeta(_ path: String) -> Bool {
        MetaLLaMA.isThere(path)
            && !FileManager.default.fileExists(atPath: "\(path)/config.json")
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder
    }

    /// The GGUF file at a path, or the one in that folder; nil where the path is something else.
    ///
    /// - Throws: `CheckpointError`
    package static func gguf(at path: String) throws -> GGUF? {
        if isFolder(path) { return try onlyGGUF(in: path).map { try GGUF(contentsOf: $0) } }
        let file = try MappedFile(path)
        // The bytes are gone with the file.
        let isGGUF = withExtendedLifetime(file) { file.bytes.starts(with: "GGUF".utf8) }
        return isGGUF ? try GGUF(contentsOf: path) : nil
    }

    /// A folder that has one model as GGUF and no `config.json`: the first part of it.
    private static func onlyGGUF(in folder: String) -> String? {
        guard !FileManager.default.fileExists(atPath: "\(folder)/config.json") else { return nil }
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
            .filter { $0.hasSuffix(".gguf") }.sorted()
        let isSplit = names.first?.contains("-00001-of-") ?? false
        return names.count == 1 || isSplit ? names.first.map { "\(folder)/\($0)" } : nil
    }

    /// The model of a GGUF file that is open.
    ///
    /// - Throws: `ConfigError` for another architecture, or metadata without its sizes or with
    ///   some that no model can have
    public init(gguf: GGUF) throws {
        let config = try LLaMAConfig(gguf)
        self.config = config
        self.gguf = gguf
        remarks = []
        form = .gguf
        checkpoint = try gguf.checkpoint.fromGGUF(config)
    }

    /// Whether a GGUF file says that it holds one of these networks, whole or not.
    package static func reads(_ gguf: GGUF) -> Bool {
        LLaMAConfig.architectures.contains(gguf["general.architecture"]?.text ?? "none")
    }

    /// Builds the network; every tensor of the files must be its.
    ///
    /// - Throws: `ConfigError`, `CheckpointError`
    public func network(device: Device = .cpu) throws -> LLaMA {
        try refuseOthers()
        let weights = Weights(checkpoint, device: device)
        let network = try LLaMA(config, from: weights)
        try weights.finish(unused: LLaMA.unusedTensors(config))
        return network
    }
}

extension LLaMAFiles {
    /// Refuses what the shapes of the network's own tensors do not tell, or not well.
    ///
    /// - Throws: `CheckpointError` for another network's weights, and where old files' tables of
    ///   angles are for heads of another size
    package func refuseOthers() throws {
        if let other = checkpoint.tensors.first?.name,
            !checkpoint.tensors.contains(where: { $0.name.hasPrefix("model.") })
        {
            throw CheckpointError.otherNetwork(
                name: other, expected: "'\(LLaMAFiles.embedding)' of a language model",
                file: checkpoint.file)
        }
        for table in checkpoint.tensors where table.name.hasSuffix(".rotary_emb.inv_freq") {
            guard table.shape == [config.headSize / 2] else {
                throw CheckpointError.shapeMismatch(
                    name: table.name, found: table.shape, expected: [config.headSize / 2],
                    file: table.file)
            }
        }
    }
}

extension LLaMAConfig {
    /// The sizes that `Checkpoint` finds in the header of a llama2.c file.
    init?(llama2C notes: [String: String]) {
        func size(_ key: String) -> Int? { notes[key].flatMap { Int($0) } }
        guard notes["model_type"] == "llama2.c", let vocabulary = size("vocab_size"),
            let hidden = size("hidden_size"), let inner = size("intermediate_size"),
            let layers = size("num_hidden_layers"), let heads = size("num_attention_heads")
        else { return nil }
        self.init(
            vocabSize: vocabulary, hiddenSize: hidden, intermediateSize: inner,
            numHiddenLayers: layers, numAttentionHeads: heads,
            numKeyValueHeads: size("num_key_value_heads"),
            maxPositionEmbeddings: size("max_position_embeddings"), rmsNormEps: 1e-5,
            tieWordEmbeddings: notes["tie_word_embeddings"] == "true")
    }
}
