import FoundationEssentials

public import TensorCore

/// What training added to the frozen parts: the projections, the vocabulary's rows, the adapters.
///
/// Both regimes of the published training are read: the language model's names begin with
/// `llama_model.` after stages 1 and 2 and with `llama_model.base_model.model.` after stage 3.
public struct Delta: Sendable {
    /// `llama_proj.*` and `gen_text_hidden_fcs*`.
    public let projections: Checkpoint
    /// Tensors of the language model under its own names, adapters included.
    public let languageModel: Checkpoint
    /// The size of the adapters, where there are any.
    public let adapter: LoRAConfig?

    /// Opens a delta: a folder with `pytorch_model.pt` or `model.safetensors`, or such a file.
    ///
    /// - Throws: `CheckpointError`, `ModelError`
    public init(_ path: String) throws {
        let file = try Delta.file(at: path)
        let checkpoint = try Checkpoint(contentsOf: file)
        projections = try checkpoint.renamed { name in
            Delta.languageModelName(name) == nil ? name : nil
        }
        languageModel = try checkpoint.renamed(Delta.languageModelName)
        let rank = languageModel.tensors.first { $0.name.contains(".lora_A.") }?.shape.first
        // Published adapters have alpha equal to rank; ours say it in the metadata.
        adapter = rank.map { rank in
            LoRAConfig(
                rank: rank,
                alpha: checkpoint.metadata["lora_alpha"].flatMap(Float.init) ?? Float(rank))
        }
    }

    private static func file(at path: String) throws -> String {
        guard FileManager.default.isFolder(path) else { return path }
        let names = ["model.safetensors", "pytorch_model.pt"]
        for name in names where FileManager.default.fileExists(atPath: "\(path)/\(name)") {
            return "\(path)/\(name)"
        }
        throw ModelError.missingComponent(name: "delta", path: "\(path)/\(names[1])")
    }

    /// The language model's own name of a tensor, or nil where it belongs to another part.
    static func languageModelName(_ name: String) -> String? {
        for prefix in ["llama_model.base_model.model.", "llama_model."] where name.hasPrefix(prefix)
        {
            return String(name.dropFirst(prefix.count))
        }
        return nil
    }
}
