/// The sizes of a LLaMA-like language model, as its `config.json` has them.
///
/// Keys that some releases lack are optional; the computed properties below fill them in.
public struct LLaMAConfig: Codable, Equatable, Sendable {
    /// `llama`, `mistral` or `qwen2`; absent in very old conversions of LLaMA.
    public var modelType: String?
    /// Class names of the original, which only say once more what `modelType` says.
    public var architectures: [String]?
    public var vocabSize: Int
    public var hiddenSize: Int
    public var intermediateSize: Int
    public var numHiddenLayers: Int
    public var numAttentionHeads: Int
    /// Absent in LLaMA 1: one per query head.
    public var numKeyValueHeads: Int?
    /// Absent where it is the hidden size over the heads.
    public var headDim: Int?
    public var hiddenAct: String?
    public var maxPositionEmbeddings: Int?
    /// Phi-3 has it here, others in `ropeScaling`.
    public var originalMaxPositionEmbeddings: Int?
    /// What very old conversions call `maxPositionEmbeddings`.
    public var maxSequenceLength: Int?
    public var rmsNormEps: Float?
    /// Standard deviation of weights before training.
    public var initializerRange: Float?
    /// Whether the embedding is also the head.
    public var tieWordEmbeddings: Bool?
    public var bosTokenId: Int?
    public var eosTokenId: TokenIDs?
    public var padTokenId: Int?
    public var ropeTheta: Double?
    public var ropeScaling: RotaryConfig?
    /// What newer files have in place of `ropeTheta` and `ropeScaling`.
    public var ropeParameters: RotaryConfig?
    /// Biases in all four maps of attention. Qwen2 has them in three without saying so.
    public var attentionBias: Bool?
    public var mlpBias: Bool?
    /// Keys that a query sees, itself included; absent where it sees all before it.
    public var slidingWindow: Int?
    /// Qwen2: whether `slidingWindow` counts, and from which layer.
    public var useSlidingWindow: Bool?
    public var maxWindowLayers: Int?

    /// A LLaMA of these sizes; everything else at the family's defaults.
    public init(
        vocabSize: Int, hiddenSize: Int, intermediateSize: Int, numHiddenLayers: Int,
        numAttentionHeads: Int, numKeyValueHeads: Int? = nil, maxPositionEmbeddings: Int? = nil,
        rmsNormEps: Float? = nil, tieWordEmbeddings: Bool? = nil
    ) {
        modelType = "llama"
        architectures = ["LlamaForCausalLM"]
        self.vocabSize = vocabSize
        self.hiddenSize = hiddenSize
        self.intermediateSize = intermediateSize
        self.numHiddenLayers = numHiddenLayers
        self.numAttentionHeads = numAttentionHeads
        self.numKeyValueHeads = numKeyValueHeads
        self.maxPositionEmbeddings = maxPositionEmbeddings
        self.rmsNormEps = rmsNormEps
        self.tieWordEmbeddings = tieWordEmbeddings
        (bosTokenId, eosTokenId, padTokenId) = (1, TokenIDs([2]), 0)
    }
}

// MARK: - Defaults

extension LLaMAConfig {
    /// Heads of the keys and values; each serves as many query heads.
    public var keyValueHeads: Int { numKeyValueHeads ?? numAttentionHeads }
    /// Numbers in one head.
    public var headSize: Int { headDim ?? hiddenSize / numAttentionHeads }
    /// Tokens the model was trained on at once.
    public var contextLength: Int { maxPositionEmbeddings ?? maxSequenceLength ?? 2048 }
    /// What keeps a norm from dividing by zero.
    public var epsilon: Float { rmsNormEps ?? 1e-6 }
    /// The base of the rotary angles.
    public var rotaryBase: Double { ropeParameters?.ropeTheta ?? ropeTheta ?? 10_000 }
    /// Whether the embedding is also the head.
    public var isTied: Bool { tieWordEmbeddings ?? false }
    /// Ids that end a text.
    public var endTokens: [Int] { eosTokenId?.values ?? [2] }

    var hasAttentionBias: Bool { attentionBias ?? false }
    var hasQueryBias: Bool { hasAttentionBias || modelType == "qwen2" }
    var hasMLPBias: Bool { mlpBias ?? false }
    var deviation: Float { initializerRange ?? 0.02 }

    /// Keys that a query of that layer sees, itself included; nil for all.
    func window(layer: Int) -> Int? {
        if modelType == "qwen2" {
            let counts = (useSlidingWindow ?? false) && layer >= (maxWindowLayers ?? 28)
            return counts ? slidingWindow : nil
        }
        return modelType == "mistral" ? slidingWindow : nil
    }
}

// MARK: - Checks

extension LLaMAConfig {
    private static let network = "LLaMA"
    private static let kinds = ["llama", "mistral", "qwen2"]

    /// What tells networks apart: transformers' files have the first, diffusers' the second.
    private struct Kind: Decodable {
        let modelType: String?
        let _className: String?
    }

    /// Reads a `config.json`, and says of another network's which it is.
    ///
    /// - Throws: `ConfigError`
    package static func read(from path: String) throws -> LLaMAConfig {
        let kind: Kind = try ConfigFile.read(from: path)
        if let found = kind._className ?? kind.modelType, !kinds.contains(found) {
            throw ConfigError.otherNetwork(file: path, found: found, expected: kinds)
        }
        return try ConfigFile.read(from: path)
    }

    /// - Throws: `ConfigError` for sizes no model can have, and for variants that are not supported
    func validate() throws {
        try ConfigError.require(
            Self.network,
            sizes: [
                "vocab_size": vocabSize, "hidden_size": hiddenSize,
                "intermediate_size": intermediateSize, "num_hidden_layers": numHiddenLayers,
                "num_attention_heads": numAttentionHeads, "num_key_value_heads": keyValueHeads,
                "max_position_embeddings": contextLength, "sliding_window": slidingWindow ?? 1,
                "head_dim": headDim ?? 1,
            ])
        // Each costs memory before the first weight is looked for.
        try ConfigError.require(
            Self.network, "num_hidden_layers", numHiddenLayers, in: 1...1024)
        try ConfigError.require(
            Self.network, "num_attention_heads", numAttentionHeads, multipleOf: keyValueHeads)
        if headDim == nil {
            try ConfigError.require(
                Self.network, "hidden_size", hiddenSize, multipleOf: numAttentionHeads)
        }
        // Rotation turns pairs of numbers.
        try ConfigError.require(Self.network, "head_dim", headSize, multipleOf: 2)
        try ConfigError.require(
            Self.network, "model_type", modelType ?? "llama", in: Self.kinds)
        try ConfigError.require(Self.network, "hidden_act", hiddenAct ?? "silu", in: ["silu"])
        try validateRotation()
    }
}

/// One token id or several, as `eos_token_id` has it.
public struct TokenIDs: Codable, Equatable, Sendable {
    public var values: [Int]

    /// These ids.
    public init(_ values: [Int]) { self.values = values }

    /// Reads a number or a list of numbers.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let single = try? container.decode(Int.self) {
            values = [single]
        } else {
            values = try container.decode([Int].self)
        }
    }

    /// Writes one id as a number, several as a list.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if values.count == 1 {
            try container.encode(values[0])
        } else {
            try container.encode(values)
        }
    }
}
