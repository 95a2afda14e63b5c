// LLaMA, the decoder-only language model under Vicuna.
// Paper: Touvron et al. 2023, arXiv:2302.13971. Reference: transformers, modeling_llama.py.
// Checkpoint: Vicuna 7B v0 and every LLaMA release, and Mistral and Qwen2, names as published.

public import TensorCore

/// A language model: embeddings of a text so far to what may follow.
public struct LLaMA: Sendable {
    /// The sizes it was built with.
    public let config: LLaMAConfig
    /// Token ids to rows that the model takes; rows of media may stand between them.
    public let embedTokens: Embedding
    private let layers: [LLaMALayer]
    private let norm: RMSNorm
    private let lmHead: Linear

    /// Reads or draws the weights, which stay in the type they are stored in.
    ///
    /// - Throws: `ConfigError` for variants that are not supported, `CheckpointError`
    public init(_ config: LLaMAConfig, from weights: Weights) throws {
        try config.validate()
        self.config = config
        let (vocab, hidden) = (config.vocabSize, config.hiddenSize)
        let model = weights["model"]
        embedTokens = try Embedding(
            vocab, hidden, deviation: config.deviation, from: model["embed_tokens"])
        layers = try (0..<config.numHiddenLayers).map {
            try LLaMALayer(config, index: $0, from: model["layers"][$0])
        }
        norm = try RMSNorm(hidden, epsilon: config.epsilon, from: model["norm"])
        lmHead =
            config.isTied
            ? Linear(weight: embedTokens.weight, added: embedTokens.added)
            : try Linear(hidden, vocab, bias: false, from: weights["lm_head"])
    }

    /// What files of such a model may hold that it does not use, as patterns: tables of angles in
    /// old ones, and a second copy of a tied embedding.
    public static func unusedTensors(_ config: LLaMAConfig) -> [String] {
        ["*.rotary_emb.inv_freq"] + (config.isTied ? ["lm_head.*"] : [])
    }

    /// A cache for one new sequence.
    public func newCache() -> KVCache { KVCache(layers: layers.count) }

    /// New rows of several sequences, each continuing its own, to their final hidden states.
    ///
    /// Sequences may differ in length and in how far they are; each row sees its own sequence up
    /// to itself. The caches grow by the new rows.
    ///
    /// - Shapes: embeddings `[time, hiddenSize]`, `time ≥ 1` → the same, after the final norm
    public func hiddenStates(_ chunks: [(embeddings: Tensor, cache: KVCache)]) -> [Tensor] {
        hiddenStates(chunks, layers: [layers.count]).map { $0[0] }
    }

    /// The hidden states of chosen layers, for each sequence in the order of `wanted`.
    ///
    /// - Parameter wanted: 0 is the embeddings, k what layer k leaves, and the number of layers,
    ///   or −1, the last after the final norm
    public func hiddenStates(
        _ chunks: [(embeddings: Tensor, cache: KVCache)], layers wanted: [Int]
    ) -> [[Tensor]] {
        precondition(
            Set(chunks.map { ObjectIdentifier($0.cache) }).count == chunks.count,
            "LLaMA: two chunks of one sequence in a pass")
        guard let device = chunks.first?.embeddings.device else { return [] }
        var (sequences, positions): ([LLaMAPass.Sequence], [Range<Int>]) = ([], [])
        var count = 0
        for (embeddings, cache) in chunks {
            let (start, time) = (cache.length, embeddings.shape[0])
            precondition(
                embeddings.rank == 2 && time > 0, "LLaMA: embeddings \(embeddings.shape)")
            let rows = count..<(count + time)
            sequences.append(LLaMAPass.Sequence(rows: rows, cache: cache))
            positions.append(start..<(start + time))
            count += time
        }
        let rows = Tensor.concatenate(chunks.map { $0.embeddings.real }, axis: 0)
        let pass = LLaMAPass(config, positions: positions, sequences: sequences, device: device)
        let states = states(of: rows.unsqueezed(0), pass, wanted).map { $0.squeezed(0) }
        return sequences.map { sequence in states.map { $0[sequence.rows] } }
    }

    /// New rows of one sequence to their final hidden states, both `[time, hiddenSize]`.
    public func hiddenStates(_ embeddings: Tensor, cache: KVCache) -> Tensor {
        hiddenStates([(embeddings, cache)])[0]
    }

    /// Whole sequences from their first row on, without a cache; padding belongs at the end.
    ///
    /// - Shapes: `[batch, time, hiddenSize]` → the same, after the final norm
    public func hiddenStates(_ embeddings: Tensor) -> Tensor {
        hiddenStates(embeddings, layers: [layers.count])[0]
    }

    /// The hidden states of chosen layers of whole sequences, numbered as above.
    ///
    /// - Parameter training: what a training pass does beside computing them
    public func hiddenStates(
        _ embeddings: Tensor, layers wanted: [Int], training: LLaMATraining = LLaMATraining()
    ) -> [Tensor] {
        precondition(
            embeddings.rank == 3 && embeddings.shape[1] > 0,
            "LLaMA: embeddings \(embeddings.shape), expected [batch, time, \(config.hiddenSize)]")
        let pass = LLaMAPass(
            config, positions: [0..<embeddings.shape[1]], training: training,
            device: embeddings.device)
        return states(of: embeddings.real, pass, wanted)
    }

    /// Scores of every token to follow: `[..., hiddenSize]` after the final norm →
    /// `[..., vocabSize]`.
    public func logits(_ hidden: Tensor) -> Tensor { lmHead(hidden) }

    /// The states `wanted`; nothing is computed past the last of them.
    private func states(of embeddings: Tensor, _ pass: LLaMAPass, _ wanted: [Int]) -> [Tensor] {
        let indices = wanted.map { $0 == -1 ? layers.count : $0 }
        precondition(
            indices.allSatisfy { (0...layers.count).contains($0) },
            "LLaMA: hidden states \(wanted) of \(layers.count) layers")
        var kept = [0: embeddings]
        var x = embeddings
        // With caches every layer must run, so that all of them hold the new rows.
        let depth = pass.sequences == nil ? indices.max() ?? 0 : layers.count
        for (index, layer) in layers.prefix(depth).enumerated() {
            x =
                pass.training.recomputesLayers
                ? checkpointed([x]) { layer($0[0], pass) } : layer(x, pass)
            let number = index + 1
            if indices.contains(number) { kept[number] = number == layers.count ? norm(x) : x }
        }
        return indices.compactMap { kept[$0] }
    }
}

/// One decoder layer: attention and a gated inner layer, each after a norm and added to its input.
struct LLaMALayer: Sendable {
    private let attentionNorm: RMSNorm
    private let attention: LLaMAAttention
    private let mlpNorm: RMSNorm
    private let mlp: LLaMAMLP

    init(_ config: LLaMAConfig, index: Int, from weights: Weights) throws {
        attentionNorm = try RMSNorm(
            config.hiddenSize, epsilon: config.epsilon, from: weights["input_layernorm"])
        attention = try LLaMAAttention(config, layer: index, from: weights["self_attn"])
        mlpNorm = try RMSNorm(
            config.hiddenSize, epsilon: config.epsilon, from: weights["post_attention_layernorm"])
        mlp = try LLaMAMLP(config, from: weights["mlp"])
    }

    func callAsFunction(_ input: Tensor, _ pass: LLaMAPass) -> Tensor {
        let x = attention(attentionNorm(input), residual: input, pass)
        return mlp(mlpNorm(x), residual: x)
    }
}

/// The gated inner layer, SwiGLU.
struct LLaMAMLP: Sendable {
    private let gate: Linear
    private let up: Linear
    private let down: Linear

    init(_ config: LLaMAConfig, from weights: Weights) throws {
        let (hidden, inner, bias) = (
            config.hiddenSize, config.intermediateSize, config.hasMLPBias
        )
        gate = try Linear(hidden, inner, bias: bias, from: weights["gate_proj"])
        up = try Linear(hidden, inner, bias: bias, from: weights["up_proj"])
        down = try Linear(inner, hidden, bias: bias, from: weights["down_proj"])
    }

    func callAsFunction(_ x: Tensor, residual: Tensor) -> Tensor {
        down(up(x).gated(by: gate(x), .silu), residual: residual)
    }
}
