import FoundationEssentials

public import TensorCore

/// What training added to the frozen parts: the projections, the vocabulary's rows, the adapters.
///
/// Both regimes of the published training are read: the language model's names begin with
/// `llama_model.` after stages 1 and 2 and with `llama_model.base_model.model.` after stage 3.
public struct Delta: Sendable {
    /// The file that was opened.
    public let file: String
    /// `llama_proj.*` and `gen_text_hidden_fcs*`.
    public let projections: Checkpoint
    /// Tensors of the language model under its own names, adapters included.
    public let languageModel: Checkpoint
    /// The size of the adapters, where there are any.
    public let adapter: LoRAConfig?
    /// The ids of the tokens that were added to the vocabulary; empty where the delta does not say.
    public let tokenIDs: [String: Int]
    /// What ours say of themselves; a published one says nothing.
    public let notes: DeltaNotes

    /// Opens a delta: a folder with `pytorch_model.pt` or `model.safetensors`, or such a file.
    ///
    /// - Parameter unrounded: prefers the file of a folder that training goes on from, in `float32`,
    ///   to the published one, which is half as large
    /// - Throws: `CheckpointError`, `ModelError`
    public init(_ path: String, unrounded: Bool = false) throws {
        guard let file = Delta.file(at: path, unrounded: unrounded) else {
            throw ModelError.missingComponent(name: "delta", path: "\(path)/pytorch_model.pt")
        }
        self.file = file
        let checkpoint = try Checkpoint(contentsOf: file)
        projections = try checkpoint.renamed { name in
            Delta.languageModelName(name) == nil ? name : nil
        }
        languageModel = try checkpoint.renamed(Delta.languageModelName)
        let notes = try DeltaNotes(checkpoint)
        self.notes = notes
        let rank = languageModel.tensors.first { $0.name.contains(".lora_A.") }?.shape.first
        // Published adapters have alpha equal to rank; ours say it in the metadata.
        adapter = rank.map { LoRAConfig(rank: $0, alpha: notes.loraAlpha ?? Float($0)) }
        tokenIDs = try notes.tokenIDs ?? Delta.addedTokens(beside: file)
    }

    /// The file of a delta at that path; nil where there is none.
    package static func file(at path: String, unrounded: Bool = false) -> String? {
        let manager = FileManager.default
        guard manager.isFolder(path) else { return manager.fileExists(atPath: path) ? path : nil }
        let names = ["pytorch_model.pt", "model.safetensors"]
        return (unrounded ? names.reversed() : names).map { "\(path)/\($0)" }
            .first(where: manager.fileExists(atPath:))
    }

    /// The language model's own name of a tensor, or nil where it belongs to another part.
    static func languageModelName(_ name: String) -> String? {
        for prefix in ["llama_model.base_model.model.", "llama_model."] where name.hasPrefix(prefix)
        {
            return String(name.dropFirst(prefix.count))
        }
        return nil
    }

    /// What the tokenizer that a published delta lies beside calls its added tokens.
    private static func addedTokens(beside file: String) throws -> [String: Int] {
        let folder = URL(filePath: file).deletingLastPathComponent().path
        let path = "\(folder)/added_tokens.json"
        guard let data = FileManager.default.contents(atPath: path) else { return [:] }
        guard let ids = try? JSONDecoder().decode([String: Int].self, from: data) else {
            throw ModelError.malformed(file: path, reason: "is no JSON object of token ids.")
        }
        return ids
    }
}

/// What a delta's metadata says of it, beside its tensors.
public struct DeltaNotes: Equatable, Sendable {
    /// The stage that wrote it.
    public var stage: Int?
    /// The adapters' alpha.
    public var loraAlpha: Float?
    /// The ids of the added tokens.
    public var tokenIDs: [String: Int]?
    /// Whether rows of the base vocabulary were trained too. True where nothing is said: the
    /// published training moves them all.
    public var movesBaseRows = true
    /// The language model that it was trained on.
    public var base: BaseFingerprint?
    /// Which hidden states the projection of a modality reads, where they are not the last.
    public var hiddenLayers: [String: [Int]] = [:]
    /// The delta that the stage began with, in its own words.
    public var startedFrom: String?

    /// Notes that say nothing.
    public init() {}

    /// - Throws: `CheckpointError.malformed`
    init(_ checkpoint: Checkpoint) throws {
        let texts = checkpoint.metadata
        func decoded<Value: Decodable>(_ key: String) throws -> Value? {
            try texts[key].map { text in
                do {
                    return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
                } catch {
                    throw CheckpointError.malformed(
                        file: checkpoint.file, rule: "its metadata '\(key)' cannot be understood")
                }
            }
        }
        stage = try decoded("stage")
        loraAlpha = try decoded("lora_alpha")
        tokenIDs = try decoded("token_map")
        movesBaseRows = texts["changed_rows"] != "added"
        base = try decoded("base_model")
        hiddenLayers = try decoded("hidden_layers") ?? [:]
        startedFrom = texts["started_from"]
    }

    /// As strings of a file's metadata.
    var metadata: [String: String] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        func text(_ value: (some Encodable)?) -> String? {
            value.flatMap { try? encoder.encode($0) }.map { String(decoding: $0, as: UTF8.self) }
        }
        let all = [
            "stage": text(stage), "lora_alpha": text(loraAlpha), "token_map": text(tokenIDs),
            "changed_rows": movesBaseRows ? "all" : "added", "base_model": text(base),
            "hidden_layers": hiddenLayers.isEmpty ? nil : text(hiddenLayers),
            "started_from": startedFrom,
        ]
        return all.compactMapValues { $0 }
    }
}

/// What tells one language model from another, whatever type its weights are stored in.
public struct BaseFingerprint: Codable, Equatable, Sendable {
    public var hiddenSize: Int
    public var layers: Int
    /// The beginning of the first layer's query weight.
    public var values: [Float]

    private static let probe = "model.layers.0.self_attn.q_proj.weight"

    /// Looks at a checkpoint of LLaMA's names.
    ///
    /// - Throws: `CheckpointError`
    init(_ checkpoint: Checkpoint) throws {
        let weight = try checkpoint[BaseFingerprint.probe]?.tensor()
        hiddenSize = weight?.shape.last ?? 0
        layers = checkpoint.tensors.count { $0.name.hasSuffix(".self_attn.q_proj.weight") }
        let row = weight.map { $0.sliced(0, 0..<1).floats() } ?? []
        values = Array(row.prefix(64))
    }

    /// Whether both are of one model: rounded or quantised weights point the same way, those of
    /// different models do not.
    func matches(_ other: BaseFingerprint) -> Bool {
        guard hiddenSize == other.hiddenSize, layers == other.layers,
            values.count == other.values.count
        else { return false }
        func dot(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        let lengths = (dot(values, values) * dot(other.values, other.values)).squareRoot()
        return lengths == 0 ? values == other.values : dot(values, other.values) > 0.9 * lengths
    }
}
