// CLAP's text tower: RoBERTa with a projection into the space that it shares with sounds.
// Paper: Wu et al. 2022, arXiv:2211.06687. Reference: transformers, modeling_clap.py.
// Checkpoint: `text_encoder` of AudioLDM (`ClapTextModelWithProjection`), names as published.

public import TensorCore

/// The sizes of a CLAP text tower, as in its `config.json`.
public struct CLAPTextConfig: Codable, Equatable, Sendable {
    public var vocabSize: Int
    public var hiddenSize: Int
    public var intermediateSize: Int
    public var numHiddenLayers: Int
    public var numAttentionHeads: Int
    public var maxPositionEmbeddings: Int
    public var typeVocabSize: Int?
    public var projectionDim: Int
    public var hiddenAct: String?
    public var projectionHiddenAct: String?
    public var layerNormEps: Float?
    public var padTokenId: Int?

    /// An encoder of these sizes.
    public init(
        vocabSize: Int, hiddenSize: Int, intermediateSize: Int, numHiddenLayers: Int,
        numAttentionHeads: Int, maxPositionEmbeddings: Int, projectionDim: Int
    ) {
        (self.vocabSize, self.hiddenSize) = (vocabSize, hiddenSize)
        (self.intermediateSize, self.numHiddenLayers) = (intermediateSize, numHiddenLayers)
        self.numAttentionHeads = numAttentionHeads
        self.maxPositionEmbeddings = maxPositionEmbeddings
        self.projectionDim = projectionDim
    }

    /// The variance of every normalisation, 1e-12 unless given.
    public var epsilon: Float { layerNormEps ?? 1e-12 }
    /// The id that fills short captions, 1 unless given.
    public var padID: Int { padTokenId ?? 1 }
    /// The longest caption in tokens: positions start behind the pad id.
    public var maxTokens: Int { maxPositionEmbeddings - padID - 1 }
}

/// Token ids to one vector a caption.
///
/// - Shapes: integers `[batch, time]` → `[batch, projectionDim]`
public struct CLAPTextModel: Sendable {
    /// Tensors that some releases carry and no release uses here.
    public static let unused = ["*position_ids", "*token_type_ids"]

    public let config: CLAPTextConfig
    let words, positions, types: Embedding
    let norm: LayerNorm
    let layers: [CLAPTextLayer]
    let pooler: Linear
    let projection1, projection2: Linear
    let projectionActivation: Activation

    /// Reads or draws the weights.
    ///
    /// - Throws: `CheckpointError` where the file or the config disagrees
    public init(_ config: CLAPTextConfig, from weights: Weights) throws {
        self.config = config
        let name = "CLAP text encoder"
        try ConfigError.require(name, "num_hidden_layers", config.numHiddenLayers, in: 1...1024)
        try ConfigError.require(name, "pad_token_id", config.padID, in: 0...65536)
        // Positions start behind the pad id, and a prompt has at least its two marks.
        try ConfigError.require(
            name, "max_position_embeddings", config.maxPositionEmbeddings,
            in: (config.padID + 3)...(1 << 20))
        let (width, projected) = (config.hiddenSize, config.projectionDim)
        let (model, projection) = (weights["text_model"], weights["text_projection"])
        let embeddings = model["embeddings"]
        words = try Embedding(config.vocabSize, width, from: embeddings["word_embeddings"])
        positions = try Embedding(
            config.maxPositionEmbeddings, width, from: embeddings["position_embeddings"])
        types = try Embedding(
            config.typeVocabSize ?? 1, width, from: embeddings["token_type_embeddings"])
        norm = try LayerNorm(width, epsilon: config.epsilon, from: embeddings["LayerNorm"])
        layers = try (0..<config.numHiddenLayers).map {
            try CLAPTextLayer(config, from: model["encoder.layer"][$0])
        }
        pooler = try Linear(width, width, from: model["pooler.dense"])
        projection1 = try Linear(width, projected, from: projection["linear1"])
        projection2 = try Linear(projected, projected, from: projection["linear2"])
        projectionActivation = try namedActivation(
            config.projectionHiddenAct ?? "relu", name)
    }

    /// The projected captions, not normalised: AudioLDM divides by their length as a step of its
    /// own. Padding changes nothing, so that what all captions pad is not computed.
    public func callAsFunction(_ ids: Tensor) -> Tensor {
        let pad = config.padID
        let rows = ids.integers().chunked(ids.shape[1]).map { row in
            row[...(row.lastIndex { $0 != pad } ?? row.startIndex)]
        }
        let time = rows.map(\.count).max() ?? 0
        precondition(
            time > 0 && time <= config.maxTokens,
            "CLAPTextModel: \(time) tokens, \(config.maxTokens) fit")
        let device = words.weight.value.device
        let padded = rows.flatMap { $0 + [Int](repeating: pad, count: time - $0.count) }
        let embedded =
            words(table(padded, time, device))
            + positions(
                table(positionIDs(padded, time), time, device)) + types.weight.value[0]
        let mask = paddingMask(padded, time, device)
        let states = layers.reduce(norm(embedded)) { x, layer in layer(x, mask: mask) }
        let pooled = pooler(states.selected(1, 0), activation: .tanh)
        return projection2(projection1(pooled, activation: projectionActivation))
    }

    private func table(_ ids: [Int], _ time: Int, _ device: Device) -> Tensor {
        Tensor(ids.map { Int32($0) }, [ids.count / time, time], device: device)
    }

    /// Real tokens count up from behind the pad id; padding stands on the pad id itself.
    private func positionIDs(_ ids: [Int], _ time: Int) -> [Int] {
        ids.chunked(time).flatMap { row in
            var seen = 0
            return row.map { id in
                if id == config.padID { return config.padID }
                seen += 1
                return config.padID + seen
            }
        }
    }

    private func paddingMask(_ ids: [Int], _ time: Int, _ device: Device) -> AttentionMask {
        guard ids.contains(config.padID) else { return .none }
        let scores = ids.map { $0 == config.padID ? -Float.greatestFiniteMagnitude : 0 }
        return .additive(Tensor(scores, [ids.count / time, 1, 1, time], device: device))
    }
}

/// One block: attention in both directions, then two linear maps; norms come after the sums.
struct CLAPTextLayer: Sendable {
    let query, key, value, output: Linear
    let attentionNorm, outputNorm: LayerNorm
    let expand, contract: Linear
    let heads: Int
    let activation: Activation

    init(_ config: CLAPTextConfig, from weights: Weights) throws {
        let (width, inner) = (config.hiddenSize, config.intermediateSize)
        let (attention, after) = (weights["attention.self"], weights["attention.output"])
        query = try Linear(width, width, from: attention["query"])
        key = try Linear(width, width, from: attention["key"])
        value = try Linear(width, width, from: attention["value"])
        output = try Linear(width, width, from: after["dense"])
        attentionNorm = try LayerNorm(width, epsilon: config.epsilon, from: after["LayerNorm"])
        expand = try Linear(width, inner, from: weights["intermediate.dense"])
        contract = try Linear(inner, width, from: weights["output.dense"])
        outputNorm = try LayerNorm(
            width, epsilon: config.epsilon, from: weights["output.LayerNorm"])
        heads = try checkedHeads(config.numAttentionHeads, dividing: width, "CLAP text encoder")
        activation = try namedActivation(config.hiddenAct ?? "gelu", "CLAP text encoder")
    }

    func callAsFunction(_ x: Tensor, mask: AttentionMask) -> Tensor {
        let attended = attention(
            query(x).splitHeads(heads), key(x).splitHeads(heads), value(x).splitHeads(heads),
            mask: mask)
        let h = attentionNorm(output(attended, residual: x))
        return outputNorm(contract(expand(h, activation: activation), residual: h))
    }
}

extension Array {
    /// Consecutive parts of equal length.
    fileprivate func chunked(_ size: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
    }
}
