import FoundationEssentials
public import ModelZoo
public import TensorCore

/// A language model by itself: a published LLaMA, Mistral or Qwen2 folder, Meta's own files, a GGUF
/// file, or one of llama2.c.
public struct LanguageModel: Sendable {
    /// Where it came from.
    public let path: String
    /// In what its files disagree and are read all the same, a line for each.
    public let remarks: [String]
    /// The network.
    public let network: LLaMA
    /// What all sessions with this model have their tokens computed by.
    package let passes: SharedPasses
    /// Its vocabulary.
    public let tokenizer: any TextTokenizer
    /// How conversations are written for it, as far as its files say.
    public let template: ChatTemplate
    /// Sampling as its `generation_config.json` has it.
    public let defaults: GenerationOptions
    let endIDs: Set<Int>
    let device: Device
    let memory: MemoryBudget

    /// Opens the files; every tensor must be the network's.
    ///
    /// - Throws: `ConfigError`, `CheckpointError`, `TokenizerError`, `ModelError`, `MemoryError`
    public init(_ path: String, device: Device = .cpu, memory: MemoryBudget = MemoryBudget())
        throws
    {
        let files = try LLaMAFiles(path)
        try memory.reserve(files.checkpoint.byteCount, for: "The language model", mapped: true)
        let tokenizer = try files.fittingTokenizer(beside: path)
        self.path = path
        remarks = files.remarks
        network = try files.network(device: device)
        passes = SharedPasses(network)
        self.tokenizer = tokenizer
        self.device = device
        self.memory = memory
        let notes = ReleaseNotes(path, files.gguf)
        template = .guessed(jinja: notes.template, name: notes.name)
        defaults = notes.options
        // Some early files contradict their tokenizer: the tokenizer's id counts.
        let configured = files.config.eosTokenId?.values ?? []
        endIDs = Set(
            tokenizer.endID.map { [$0] + (configured.count > 1 ? configured : []) } ?? configured
        )
        .union(notes.endIDs)
    }

    /// Whether a path is that of a language model alone, not of a model folder, nor of a delta in one.
    public static func isAlone(at path: String) -> Bool {
        let manager = FileManager.default
        guard manager.isFolder(path) else { return manager.fileExists(atPath: path) }
        guard !manager.fileExists(atPath: "\(path)/\(ModelManifest.fileName)"),
            CheckpointLayout(around: path) == nil
        else { return false }
        return LLaMAFiles.isMeta(path)
            || manager.names(in: path).contains { $0.hasSuffix(".gguf") }
            || (manager.fileExists(atPath: "\(path)/config.json")
                && !manager.fileExists(atPath: "\(path)/model_index.json"))
    }
}

extension LLaMAFiles {
    /// The tokenizer, which may not have more tokens than the network has rows.
    ///
    /// - Throws: `TokenizerError`, `ModelError`
    func fittingTokenizer(beside path: String) throws -> any TextTokenizer {
        let tokenizer = try tokenizer(beside: path)
        guard tokenizer.vocabularySize <= config.vocabSize else {
            throw ModelError.malformed(
                file: path,
                reason: "has \(config.vocabSize) rows of vocabulary, its tokenizer "
                    + "\(tokenizer.vocabularySize) tokens. Are both of the same release?")
        }
        return tokenizer
    }
}

/// What a release says beside its weights.
private struct ReleaseNotes {
    var template: String?
    var name: String
    var options = GenerationOptions()
    var endIDs: [Int] = []

    private struct Tokenizer: Decodable { var chatTemplate: String? }

    private struct Generation: Decodable {
        var temperature: Float?
        var topP: Float?
        var topK: Int?
        var repetitionPenalty: Float?
        var doSample: Bool?
        var eosTokenId: TokenIDs?
    }

    init(_ path: String, _ gguf: GGUF?) {
        var folder = path
        while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
        name = folder.split(separator: "/").last.map(String.init) ?? path
        if let gguf {
            name = gguf["general.name"]?.text ?? name
            template = gguf["tokenizer.chat_template"]?.text
        }
        let tokenizer: Tokenizer? = try? ConfigFile.read(from: "\(path)/tokenizer_config.json")
        template = template ?? tokenizer?.chatTemplate
        guard
            let generation: Generation = try? ConfigFile.read(
                from: "\(path)/generation_config.json")
        else { return }
        options.temperature = generation.doSample == false ? 0 : generation.temperature
        options.topP = generation.topP ?? (generation.doSample == true ? 1 : nil)
        options.topK = generation.topK
        options.repetitionPenalty = generation.repetitionPenalty
        endIDs = generation.eosTokenId.map { $0.values.count > 1 ? $0.values : [] } ?? []
    }
}
