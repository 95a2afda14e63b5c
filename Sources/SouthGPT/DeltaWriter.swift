import FoundationEssentials
package import ModelZoo
package import TensorCore

#if canImport(Glibc)
    import Glibc
#endif

/// Writes what training added, in the files, names and types of the published training.
///
/// `pytorch_model.pt` holds the tensors in `float16`, as published, whole tables of the vocabulary
/// among them; `model.safetensors` the same as they were trained, in `float32`, so that the next
/// stage loses nothing. Both say what `DeltaNotes` has. Beside them lie the tokenizer with its added
/// tokens and the language model's `config.json` with the enlarged vocabulary.
package struct DeltaWriter {
    /// The language model's tensors under its own names.
    package var languageModel: [(name: String, value: Tensor)]
    /// Those of the projections.
    package var projections: [(name: String, value: Tensor)]
    package var notes: DeltaNotes
    package var tokenizer: LLaMATokenizer
    /// The language model's sizes, its vocabulary enlarged.
    package var config: LLaMAConfig
    /// Its `config.json`, of which everything else is kept; a GGUF file has none.
    package var configFile: String

    package init(
        languageModel: [(name: String, value: Tensor)],
        projections: [(name: String, value: Tensor)], notes: DeltaNotes,
        tokenizer: LLaMATokenizer, config: LLaMAConfig, configFile: String
    ) {
        (self.languageModel, self.projections) = (languageModel, projections)
        (self.notes, self.tokenizer) = (notes, tokenizer)
        (self.config, self.configFile) = (config, configFile)
    }

    /// The names of the published regime that fits: adapters wrap the language model.
    private var tensors: [(name: String, value: Tensor)] {
        let isWrapped = languageModel.contains { $0.name.contains(".lora_") }
        let prefix = isWrapped ? "llama_model.base_model.model." : "llama_model."
        return languageModel.map { ("\(prefix)\($0.name)", $0.value) } + projections
    }

    /// Writes all files into `folder/copy`, and puts them in `folder` too. Each file is replaced
    /// as a whole, the weights last.
    ///
    /// - Throws: `CheckpointError.unwritable`, `TokenizerError.unwritable`
    package func write(to folder: String, copy: String) throws {
        let kept = "\(folder)/\(copy)"
        try makeFolder(kept)
        let tensors = tensors
        try tokenizer.write(to: kept)
        try writeConfig(to: "\(kept)/config.json")
        try PyTorchArchive.write(
            tensors.map { ($0.name, $0.value.cast(to: .float16)) }, metadata: notes.metadata,
            to: "\(kept)/pytorch_model.pt")
        try Safetensors.write(
            tensors.map { ($0.name, $0.value.cast(to: .float32)) }, metadata: notes.metadata,
            to: "\(kept)/model.safetensors")
        for name in [
            "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json",
            "added_tokens.json", "config.json", "pytorch_model.pt", "model.safetensors",
        ] {
            try DeltaWriter.place("\(kept)/\(name)", at: "\(folder)/\(name)")
        }
    }

    /// Everything else that the file says stays as it is.
    private func writeConfig(to path: String) throws {
        guard let bytes = FileManager.default.contents(atPath: configFile) else {
            try ConfigFile.write(config, to: path)
            return
        }
        let enlarged = String(decoding: bytes, as: UTF8.self).replacing(
            /"vocab_size"\s*:\s*[0-9]+/, with: "\"vocab_size\": \(config.vocabSize)")
        try AtomicFile.write(to: path) { try $0.write(enlarged) }
        let written: LLaMAConfig = try ConfigFile.read(from: path)
        precondition(
            written.vocabSize == config.vocabSize && written.hiddenSize == config.hiddenSize,
            "\(path): the vocabulary was not enlarged")
    }

    /// One file under a second name: a link, or a copy where links cannot be.
    private static func place(_ file: String, at path: String) throws {
        let temporary = "\(path).\(UInt64.random(in: 0 ... .max))"
        defer { unlink(temporary) }
        if link(file, temporary) != 0 {
            do {
                try FileManager.default.copyItem(atPath: file, toPath: temporary)
            } catch {
                throw CheckpointError.unwritable(file: path, reason: "\(error)")
            }
        }
        guard rename(temporary, path) == 0 else {
            throw CheckpointError.unwritable(
                file: path, reason: String(cString: strerror(errno)))
        }
    }
}
