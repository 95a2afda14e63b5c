import FoundationEssentials
import ModelZoo
import TensorCore

/// What a conversion reads, in the names and the layout of what it writes.
struct ConversionInput {
    let tensors: [StoredTensor]
    /// What a GGUF file says of its tensors, were one written.
    let entries: [GGUF.Entry]
    /// The strings that the other formats keep beside their tensors: those of the input.
    let notes: [String: String]
    /// What the output lacks, a line for each, with what mends it.
    private(set) var remarks: [String] = []
    /// The language model whose description goes beside the output, where the input has it inside.
    private let described: LLaMAFiles?
    private let path: String

    /// Opens whatever is at a path.
    ///
    /// - Parameter asGGUF: whether a GGUF file is written
    /// - Throws: `CheckpointError`; `ConfigError` and `TokenizerError` for a language model whose
    ///   description is damaged, or cannot be stored
    init(_ path: String, asGGUF: Bool) throws {
        if let gguf = try LLaMAFiles.gguf(at: path) {
            try self.init(gguf, at: path, asGGUF: asGGUF)
        } else if let files = try ConversionInput.languageModel(at: path, isNeeded: asGGUF) {
            try self.init(files, at: path, asGGUF: asGGUF)
        } else {
            self.init(try Checkpoint.anywhere(path), at: path)
        }
    }

    private init(_ checkpoint: Checkpoint, at path: String) {
        self.path = path
        (tensors, notes, described) = (checkpoint.tensors, checkpoint.metadata, nil)
        entries =
            [GGUF.Entry("general.architecture", .string("none"))]
            + notes.sorted { $0.key < $1.key }.map { GGUF.Entry($0.key, .string($0.value)) }
    }

    private init(_ files: LLaMAFiles, at path: String, asGGUF: Bool) throws {
        self.path = path
        // What llama2.c's header and Meta's params.json say goes into config.json.
        described = files.form == .huggingFace ? nil : files
        notes = described == nil ? files.checkpoint.metadata : [:]
        guard asGGUF else {
            (tensors, entries) = (files.checkpoint.tensors, [])
            return
        }
        tensors = try files.checkpoint.forGGUF(files.config)
        let tokenizer = try files.tokenizerMetadata(beside: path)
        if tokenizer.isEmpty {
            remarks.append(
                "\(path): no tokenizer lies there, so the file has none. Put tokenizer.model or "
                    + "tokenizer.json beside the weights and convert again.")
        }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        entries =
            files.config.ggufMetadata(name: name)
            + (tokenizer.isEmpty
                ? [GGUF.Entry("tokenizer.ggml.model", .string("none"))] : tokenizer)
    }

    private init(_ gguf: GGUF, at path: String, asGGUF: Bool) throws {
        self.path = path
        entries = gguf.metadata.filter { !$0.key.hasPrefix("split.") }
        // An array is told by its size alone.
        notes = Dictionary(
            entries.filter { $0.value.array == nil }.map { ($0.key, $0.value.description) },
            uniquingKeysWith: { first, _ in first })
        guard !asGGUF, LLaMAFiles.reads(gguf) else {
            (tensors, described) = (gguf.checkpoint.tensors, nil)
            if !asGGUF, let other = gguf["general.architecture"]?.text, other != "none" {
                remarks.append(
                    "\(path): the architecture '\(other)' is not known, so tensors keep the names "
                        + "that GGUF has for them.")
            }
            return
        }
        let files = try LLaMAFiles(gguf: gguf)
        (tensors, described) = (files.checkpoint.tensors, files)
    }

    /// A language model by itself; where its sizes are not needed, only one that has them inside.
    private static func languageModel(at path: String, isNeeded: Bool) throws -> LLaMAFiles? {
        guard LanguageModel.isAlone(at: path) else { return nil }
        let hasConfig =
            FileManager.default.fileExists(atPath: "\(path)/config.json")
            || LLaMAFiles.isMeta(path)
        guard isNeeded && hasConfig else { return try? LLaMAFiles(path) }
        // Other networks' folders have a config.json too.
        let isOther =
            try !LLaMAFiles.isMeta(path)
            && Checkpoint.anywhere(path).tensors.allSatisfy {
                !$0.name.hasPrefix("model.")
            }
        return isOther ? nil : try LLaMAFiles(path)
    }

    /// Writes `config.json` and the tokenizer into a folder that has none, where the input has them
    /// inside.
    ///
    /// - Throws: `ConfigError`, `TokenizerError`
    mutating func describe(in folder: String) throws {
        let file = "\(folder)/config.json"
        guard let described, !FileManager.default.fileExists(atPath: file) else { return }
        try ConfigFile.write(described.config, to: file)
        do {
            try described.writeTokenizer(beside: path, to: folder)
        } catch let error as TokenizerError {
            remarks.append("\(folder): no tokenizer was written. \(error)")
        }
    }
}
