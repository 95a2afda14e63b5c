// LLaMA in GGUF files: the sizes among the metadata, the tensors by other names, and the rows of
// queries and keys in the order in which llama.cpp rotates them.
// Source: gguf 0.19, `constants.py` and `tensor_mapping.py`; llama.cpp's converter.

package import TensorCore

extension LLaMAConfig {
    /// The architectures of GGUF files that are these networks.
    static let architectures = ["llama", "qwen2", "mistral"]

    /// The sizes that a GGUF file's metadata give.
    ///
    /// - Throws: `ConfigError` for another architecture, or where a size is missing or cannot be
    init(_ file: GGUF) throws {
        let name = file.checkpoint.file
        let architecture = file["general.architecture"]?.text ?? "none"
        guard LLaMAConfig.architectures.contains(architecture) else {
            throw ConfigError.malformed(
                file: name,
                reason: "is of the architecture '\(architecture)', expected llama or qwen2")
        }
        func size(_ key: String) throws -> Int {
            guard let value = file["\(architecture).\(key)"]?.integer else {
                throw ConfigError.malformed(
                    file: name, reason: "lacks the key '\(architecture).\(key)'")
            }
            return value
        }
        func optional(_ key: String) -> GGUFValue? { file["\(architecture).\(key)"] }
        guard let embedding = file.checkpoint["token_embd.weight"], embedding.shape.count == 2
        else { throw ConfigError.malformed(file: name, reason: "lacks 'token_embd.weight'") }
        try self.init(
            vocabSize: embedding.shape[0], hiddenSize: size("embedding_length"),
            intermediateSize: size("feed_forward_length"), numHiddenLayers: size("block_count"),
            numAttentionHeads: size("attention.head_count"),
            numKeyValueHeads: optional("attention.head_count_kv")?.integer,
            maxPositionEmbeddings: size("context_length"),
            tieWordEmbeddings: file.checkpoint["output.weight"] == nil)
        architectures = nil
        modelType = architecture
        headDim = optional("attention.key_length")?.integer
        rmsNormEps = optional("attention.layer_norm_rms_epsilon")?.number.map { Float($0) }
        ropeTheta = optional("rope.freq_base")?.number
        attentionBias = file.checkpoint["blk.0.attn_output.bias"] != nil
        if let window = optional("attention.sliding_window")?.integer, architecture != "qwen2" {
            (modelType, slidingWindow) = ("mistral", window)
        }
        bosTokenId = file["tokenizer.ggml.bos_token_id"]?.integer
        eosTokenId = file["tokenizer.ggml.eos_token_id"]?.integer.map { TokenIDs([$0]) }
        padTokenId = file["tokenizer.ggml.padding_token_id"]?.integer
        if let turned = optional("rope.dimension_count")?.integer, heads(turned) {
            throw ConfigError.malformed(
                file: name, reason: "turns \(turned) of \(headSize) numbers in a head, not all")
        }
        ropeScaling = try scaling(file, optional)
        do {
            try validate()
        } catch ConfigError.unsupported(_, let key, let found, let expected) {
            throw ConfigError.malformed(
                file: name, reason: "gives '\(key)' as \(found), expected \(expected)")
        }
    }

    /// Whether heads have another size than what is turned.
    private func heads(_ turned: Int) -> Bool {
        numAttentionHeads > 0 && turned != headSize
    }

    private func scaling(
        _ file: GGUF, _ value: (String) -> GGUFValue?
    ) throws -> RotaryConfig? {
        // What each frequency is divided by: how the llama3 kind is stored.
        if let divisors = file.checkpoint["rope_freqs.weight"] {
            var scaling = RotaryConfig(type: "longrope")
            let factors = try divisors.tensor().floats().map { Double($0) }
            (scaling.shortFactor, scaling.longFactor) = (factors, factors)
            scaling.attentionFactor = 1
            return scaling
        }
        let kind = value("rope.scaling.type")?.text
        let factor = value("rope.scaling.factor")?.number ?? value("rope.scale_linear")?.number
        guard let factor, factor != 0, kind != "none" else { return nil }
        var scaling = RotaryConfig(type: kind ?? "linear")
        scaling.factor = factor
        scaling.originalMaxPositionEmbeddings =
            value("rope.scaling.original_context_length")?.integer
        scaling.betaFast = value("rope.scaling.yarn_beta_fast")?.number
        scaling.betaSlow = value("rope.scaling.yarn_beta_slow")?.number
        return scaling
    }

    /// The architecture's name, and whether llama.cpp turns neighbouring rows for it.
    fileprivate var architecture: (name: String, isInterleaved: Bool) {
        modelType == "qwen2" ? ("qwen2", false) : ("llama", true)
    }

    /// The metadata that llama.cpp needs to build this network, without a tokenizer.
    package func ggufMetadata(name: String) -> [GGUF.Entry] {
        let (architecture, _) = architecture
        var entries = [
            GGUF.Entry("general.architecture", .string(architecture)),
            GGUF.Entry("general.type", .string("model")),
            GGUF.Entry("general.name", .string(name)),
        ]
        func add(_ key: String, _ value: GGUFValue) {
            entries.append(GGUF.Entry("\(architecture).\(key)", value))
        }
        add("vocab_size", .uint32(vocabSize))
        add("context_length", .uint32(contextLength))
        add("embedding_length", .uint32(hiddenSize))
        add("block_count", .uint32(numHiddenLayers))
        add("feed_forward_length", .uint32(intermediateSize))
        add("rope.dimension_count", .uint32(headSize))
        add("attention.head_count", .uint32(numAttentionHeads))
        add("attention.head_count_kv", .uint32(keyValueHeads))
        add("attention.key_length", .uint32(headSize))
        add("attention.value_length", .uint32(headSize))
        add("attention.layer_norm_rms_epsilon", .float32(epsilon))
        add("rope.freq_base", .float32(Float(rotaryBase)))
        if modelType == "mistral", let slidingWindow {
            add("attention.sliding_window", .uint32(slidingWindow))
        }
        if let scaling = rotaryScaling, let kind = scaling.kind, ["linear", "yarn"].contains(kind) {
            add("rope.scaling.type", .string(kind))
            add("rope.scaling.factor", .float32(Float(scaling.factor ?? 1)))
            add("rope.scaling.original_context_length", .uint32(originalContext))
        }
        return entries
    }
}

/// A tensor's name in the two worlds; in layers, below the layer's number.
private let outerNames = [
    ("token_embd", "model.embed_tokens"), ("output_norm", "model.norm"), ("output", "lm_head"),
]
private let layerNames = [
    ("attn_norm", "input_layernorm"), ("ffn_norm", "post_attention_layernorm"),
    ("attn_q", "self_attn.q_proj"), ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"), ("attn_output", "self_attn.o_proj"),
    ("ffn_gate", "mlp.gate_proj"), ("ffn_up", "mlp.up_proj"), ("ffn_down", "mlp.down_proj"),
]

extension Checkpoint {
    /// The tensors of a GGUF file as Hugging Face's releases have them; names that the
    /// architecture does not have stay as they are.
    fileprivate func renamedFromGGUF(_ name: String) -> String {
        for (short, long) in outerNames where name.hasPrefix("\(short).") {
            return long + name.dropFirst(short.count)
        }
        let parts = name.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "blk",
            let long = layerNames.first(where: { $0.0 == parts[2] })?.1
        else { return name }
        return "model.layers.\(parts[1]).\(long).\(parts[3])"
    }

    func fromGGUF(_ config: LLaMAConfig) throws -> Checkpoint {
        let size = config.headSize
        return try Checkpoint(
            file: file,
            tensors: tensors.filter { $0.name != "rope_freqs.weight" }.map { tensor in
                let name = renamedFromGGUF(tensor.name)
                // What has another shape is refused where the network is built.
                guard config.architecture.isInterleaved, isTurned(name), tensor.isHeads(of: size)
                else { return tensor.renamed(name) }
                return tensor.mapped(name: name) { value in
                    defer { tensor.forget() }
                    return value.halfSplitRows(headSize: size)
                }
            }, metadata: metadata)
    }

    /// These tensors, of a release of Hugging Face's, as llama.cpp has them.
    ///
    /// - Throws: `ConfigError` for sizes that no model can have and ways of stretching the context
    ///   that llama.cpp does not store, `CheckpointError.malformed` for what is no heads
    package func forGGUF(_ config: LLaMAConfig) throws -> [StoredTensor] {
        try config.validate()
        let (size, kind) = (config.headSize, config.rotaryScaling?.kind ?? "default")
        guard ["default", "linear", "yarn", "llama3"].contains(kind) || config.hasFixedDivisors
        else {
            throw ConfigError.unsupported(
                config: "LLaMA", key: "rope_scaling", found: kind,
                expected: "default, linear, yarn or llama3, which GGUF can store")
        }
        var result = try tensors.compactMap { tensor -> StoredTensor? in
            guard let name = renamedForGGUF(tensor.name) else { return nil }
            guard config.architecture.isInterleaved, isTurned(tensor.name) else {
                return tensor.renamed(name)
            }
            guard tensor.isHeads(of: size) else {
                throw CheckpointError.malformed(
                    file: tensor.file,
                    rule: "'\(tensor.name)' is \(tensor.dtype) of shape \(tensor.shape), expected "
                        + "heads of \(size) rows")
            }
            return tensor.mapped(name: name) { $0.interleavedRows(headSize: size) }
        }
        if kind == "llama3" || config.hasFixedDivisors {
            var plain = config
            (plain.ropeScaling, plain.ropeParameters) = (nil, nil)
            plain.ropeTheta = config.rotaryBase
            let divisors = zip(
                RotaryFrequencies(plain, length: 1).radians,
                RotaryFrequencies(config, length: 1).radians
            ).map { $0 / $1 }
            result.append(StoredTensor(name: "rope_freqs.weight", value: Tensor(divisors)))
        }
        return result
    }

    /// Nil for what the network does not use.
    private func renamedForGGUF(_ name: String) -> String? {
        if name.hasSuffix("rotary_emb.inv_freq") { return nil }
        for (short, long) in outerNames where name.hasPrefix("\(long).") {
            return short + name.dropFirst(long.count)
        }
        let parts = name.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, name.hasPrefix("model.layers.") else { return name }
        let rest = parts[3]
        guard let (short, long) = layerNames.first(where: { rest.hasPrefix("\($0.1).") }) else {
            return name
        }
        return "blk.\(parts[2]).\(short)\(rest.dropFirst(long.count))"
    }

    /// Whether a tensor gives what is turned by its position.
    private func isTurned(_ name: String) -> Bool {
        name.contains("self_attn.q_proj.") || name.contains("self_attn.k_proj.")
    }
}

extension StoredTensor {
    /// Whether these are whole heads of so many rows each: a matrix, or a bias that can be turned.
    fileprivate func isHeads(of size: Int) -> Bool {
        let canTurn = shape.count == 2 || (shape.count == 1 && !dtype.isBlocked)
        return canTurn && shape.elementCount > 0 && shape[0].isMultiple(of: size)
    }
}

extension LLaMAConfig {
    /// Whether frequencies are divided by the same numbers at every length, nothing else changed.
    fileprivate var hasFixedDivisors: Bool {
        guard let scaling = rotaryScaling, scaling.kind == "longrope" else { return false }
        return scaling.shortFactor == scaling.longFactor && scaling.attentionFactor == 1
    }
}
