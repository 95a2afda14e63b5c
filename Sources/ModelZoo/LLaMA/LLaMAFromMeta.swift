// LLaMA as Meta gives it out: params.json and consolidated.00.pth, .01, …, each with a part of every
// matrix, and the rows of queries and keys in the order in which its own code rotates them.
// Source: facebookresearch/llama, `model.py`; fairscale's parallel layers for the axes.

import FoundationEssentials
import TensorCore

/// A folder of Meta's files.
struct MetaLLaMA {
    let config: LLaMAConfig
    /// The weights, under the names and in the layout that Hugging Face's releases have.
    let checkpoint: Checkpoint

    private static let description = "params.json"
    private static func shard(_ number: Int) -> String {
        "consolidated.\(number < 10 ? "0" : "")\(number).pth"
    }

    /// Whether a folder holds these files.
    static func isThere(_ folder: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(folder)/\(description)")
            && !shards(in: folder).isEmpty
    }

    private static func shards(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter {
            $0.hasPrefix("consolidated.") && $0.hasSuffix(".pth")
        }.sorted()
    }

    private struct Parameters: Decodable {
        var dim: Int
        var nLayers: Int
        var nHeads: Int
        var nKvHeads: Int?
        var normEps: Float?
        var ropeTheta: Double?
        var maxSeqLen: Int?
        var useScaledRope: Bool?
    }

    /// Opens the folder; tables of contents only.
    ///
    /// - Throws: `ConfigError`, `CheckpointError`
    init(_ folder: String) throws {
        let file = "\(folder)/\(Self.description)"
        let parameters: Parameters = try ConfigFile.read(from: file)
        guard parameters.useScaledRope != true else {
            throw ConfigError.malformed(
                file: file,
                reason: "has use_scaled_rope, whose numbers it does not give; the release of "
                    + "Hugging Face has them in its config.json")
        }
        let names = Self.shards(in: folder)
        for (number, name) in names.enumerated() where name != Self.shard(number) {
            throw CheckpointError.unreadable(
                file: "\(folder)/\(Self.shard(number))",
                reason: "it is missing, and \(names.last ?? name) lies beside it")
        }
        let shards = try names.map { try Checkpoint(contentsOf: "\(folder)/\($0)") }
        let join = MetaShards(shards, dim: parameters.dim)
        guard let table = join.shape(of: "tok_embeddings.weight"), table.count == 2,
            let gate = join.shape(of: "layers.0.feed_forward.w1.weight"), gate.count == 2
        else {
            throw CheckpointError.missing(
                name: "tok_embeddings.weight", expected: [-1, parameters.dim], file: shards[0].file)
        }
        var config = LLaMAConfig(
            vocabSize: table[0], hiddenSize: parameters.dim, intermediateSize: gate[0],
            numHiddenLayers: parameters.nLayers, numAttentionHeads: parameters.nHeads,
            numKeyValueHeads: parameters.nKvHeads, rmsNormEps: parameters.normEps,
            tieWordEmbeddings: false)
        config.ropeTheta = parameters.ropeTheta
        config.maxPositionEmbeddings = parameters.maxSeqLen ?? Self.context(parameters)
        try config.validate()
        self.config = config
        checkpoint = try join.checkpoint(config)
    }

    /// The files do not say how long a context was trained. Those of the first release have the
    /// smaller epsilon, those of longer contexts a larger base.
    private static func context(_ parameters: Parameters) -> Int {
        switch parameters.ropeTheta ?? 10_000 {
        case 1_000_000...: 16384
        case 500_000...: 8192
        default: parameters.normEps ?? 1e-6 < 5e-6 ? 2048 : 4096
        }
    }
}

/// Tensors of which each file holds a part.
private struct MetaShards {
    private let shards: [Checkpoint]
    private let dim: Int

    init(_ shards: [Checkpoint], dim: Int) { (self.shards, self.dim) = (shards, dim) }

    /// Along which axis files share a tensor; nil where each has the whole.
    private func axis(_ name: String, _ shape: Shape) -> Int? {
        guard shards.count > 1, shape.count == 2 else { return nil }
        let layer = name.split(separator: ".").dropLast().last.map(String.init) ?? name
        switch layer {
        // The first two releases cut the table's columns, the third its rows.
        case "tok_embeddings": return shape[1] == dim ? 0 : 1
        case "wo", "w2": return 1
        default: return 0
        }
    }

    /// The shape of the parts together; nil where the first file has none.
    func shape(of name: String) -> Shape? {
        guard var shape = shards.first?[name]?.shape else { return nil }
        if let axis = axis(name, shape) {
            shape[axis] = shards.reduce(0) { sum, shard in
                let part = shard[name]?.shape ?? []
                return sum + (part.count == 2 ? part[axis] : 0)
            }
        }
        return shape
    }

    private static let names = [
        "attention_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
        "attention.wq": "self_attn.q_proj", "attention.wk": "self_attn.k_proj",
        "attention.wv": "self_attn.v_proj", "attention.wo": "self_attn.o_proj",
        "feed_forward.w1": "mlp.gate_proj", "feed_forward.w2": "mlp.down_proj",
        "feed_forward.w3": "mlp.up_proj",
    ]
    private static let outer = [
        "tok_embeddings.weight": "model.embed_tokens.weight", "norm.weight": "model.norm.weight",
        "output.weight": "lm_head.weight",
    ]

    /// Hugging Face's name; nil for the angles, which are computed.
    private static func name(_ name: String) -> String? {
        if name == "rope.freqs" { return nil }
        let parts = name.split(separator: ".", maxSplits: 2).map(String.init)
        guard parts.count == 3, parts[0] == "layers", parts[2].hasSuffix(".weight"),
            let inner = names[String(parts[2].dropLast(".weight".count))]
        else { return outer[name] ?? name }
        return "model.layers.\(parts[1]).\(inner).weight"
    }

    func checkpoint(_ config: LLaMAConfig) throws -> Checkpoint {
        let first = shards[0]
        return try Checkpoint(
            file: first.file,
            tensors: first.tensors.compactMap { tensor in
                guard let name = Self.name(tensor.name) else { return nil }
                let whole = try joined(tensor)
                let rows = name.hasSuffix("q_proj.weight") || name.hasSuffix("k_proj.weight")
                guard rows else { return whole.renamed(name) }
                guard whole.shape.count == 2, whole.shape[0] % config.headSize == 0 else {
                    throw CheckpointError.shapeMismatch(
                        name: tensor.name, found: whole.shape,
                        expected: [config.hiddenSize, config.hiddenSize], file: tensor.file)
                }
                return whole.mapped(name: name) { [size = config.headSize] value in
                    defer { whole.forget() }
                    return value.halfSplitRows(headSize: size)
                }
            })
    }

    /// One tensor of all parts, put together when it is loaded.
    private func joined(_ tensor: StoredTensor) throws -> StoredTensor {
        guard let axis = axis(tensor.name, tensor.shape), let shape = shape(of: tensor.name) else {
            return tensor
        }
        let parts = try shards.map { shard in
            guard let part = shard[tensor.name] else {
                throw CheckpointError.missing(
                    name: tensor.name, expected: tensor.shape, file: shard.file)
            }
            var fitting = part.shape
            if fitting.count == 2 { fitting[axis] = tensor.shape[axis] }
            guard fitting == tensor.shape, part.dtype == tensor.dtype else {
                throw CheckpointError.shapeMismatch(
                    name: tensor.name, found: part.shape, expected: tensor.shape, file: part.file)
            }
            return part
        }
        return StoredTensor(
            name: tensor.name, dtype: tensor.dtype, shape: shape, file: tensor.file,
            forget: { for part in parts { part.forget() } }
        ) { Tensor.concatenate(try parts.map { try $0.tensor() }, axis: axis) }
    }
}
