import Foundation
public import ModelZoo
public import TensorCore

/// A language model with random weights of one type, in a file that llama.cpp reads as well, and
/// how much of a text is timed: what `southgpt-bench llm` times on both sides.
///
/// Encoded as JSON it is what the peer's script is told to time.
public struct LanguageModelCase: Codable, Equatable, Sendable {
    /// The sizes.
    public let config: LLaMAConfig
    /// The type that matrices are stored in.
    public let weights: DType
    /// Tokens that are read at once.
    public let prompt: Int
    /// Tokens that are written after them, one by one.
    public let reply: Int
    /// What seconds are counted by.
    public let time: TimeMeasure
    /// The file; empty until it is written.
    public private(set) var path = ""

    /// The case of that network.
    public init(
        _ config: LLaMAConfig, weights: DType, prompt: Int, reply: Int, time: TimeMeasure = .wall
    ) {
        (self.config, self.weights) = (config, weights)
        (self.prompt, self.reply, self.time) = (prompt, reply, time)
    }

    /// Types that cases come in.
    public static let types: [DType] = [.float32, .bfloat16, .q8_0, .q4_0, .q4_K]

    /// Sizes of LLaMA-7B, with so many layers of 32.
    public static func sevenBillion(layers: Int) -> LLaMAConfig {
        LLaMAConfig(
            vocabSize: 32000, hiddenSize: 4096, intermediateSize: 11008, numHiddenLayers: layers,
            numAttentionHeads: 32, maxPositionEmbeddings: 2048)
    }

    /// Writes the file into a folder and returns the case of it.
    ///
    /// - Throws: `CheckpointError`
    public func written(in folder: String) throws -> LanguageModelCase {
        var written = self
        written.path = URL(filePath: folder).appending(component: "\(weights.rawValue).gguf").path
        let shapes = Weights.shapesOnly()
        _ = try LLaMA(config, from: shapes)
        var drawn = DrawnOnce(as: weights)
        let tensors = try shapes.parameters.map { try drawn.tensor($0.name, $0.value.shape) }
        try GGUF.write(
            Checkpoint(file: written.path, tensors: tensors).forGGUF(config),
            metadata: config.ggufMetadata(name: "random") + vocabulary, to: written.path)
        return written
    }

    /// As many tokens as there are rows: llama.cpp opens no file without.
    private var vocabulary: [GGUF.Entry] {
        let marks = ["<unk>", "<s>", "</s>"]
        let bytes = (0..<256).map { String(format: "<0x%02X>", $0) }
        let words = (0..<config.vocabSize).dropFirst(marks.count + bytes.count).map { "▁\($0)" }
        let tokens = Array((marks + bytes + words).prefix(config.vocabSize))
        let types: [Int32] = [2, 3, 3] + bytes.map { _ in 6 } + words.map { _ in 1 }
        let entries: [(String, GGUFValue)] = [
            ("model", .string("llama")), ("tokens", .array(GGUFArray(tokens))),
            ("scores", .array(GGUFArray(tokens.indices.map { -Float($0) }))),
            ("token_type", .array(GGUFArray(Array(types.prefix(tokens.count))))),
            ("bos_token_id", .uint32(1)), ("eos_token_id", .uint32(2)),
            ("unknown_token_id", .uint32(0)),
        ]
        return entries.map { GGUF.Entry("tokenizer.ggml.\($0.0)", $0.1) }
    }
}

/// What a side needs for a case.
public struct LanguageModelSeconds: Equatable, Sendable {
    /// Of reading the whole prompt.
    public let prefill: Double
    /// Of writing one token of the reply.
    public let token: Double
}

/// A case's model, open.
public struct LanguageModelRun {
    private let network: LLaMA
    private let words: LanguageModelCase
    /// Bytes of the weights.
    public let weightBytes: Int

    /// Opens the file, which is mapped.
    ///
    /// - Throws: `CheckpointError`, `ConfigError`
    public init(_ words: LanguageModelCase) throws {
        let files = try LLaMAFiles(words.path)
        weightBytes = files.checkpoint.byteCount
        network = try files.network()
        self.words = words
    }

    /// Reads the prompt and writes the reply, always the likeliest token.
    public func measure() -> LanguageModelSeconds {
        let cache = network.newCache()
        cache.reserve(words.prompt + words.reply)
        let limit = network.config.vocabSize
        var next = Int32(0)
        func feed(_ ids: [Int32]) {
            let states = network.hiddenStates(network.embedTokens(Tensor(ids)), cache: cache)
            next = Int32(network.logits(states[(ids.count - 1)..<ids.count]).argMax().integers()[0])
        }
        let prompt = (0..<words.prompt).map { Int32(($0 * 7919 + 3) % limit) }
        let prefill = words.time.seconds { feed(prompt) }
        let reply = words.time.seconds { for _ in 0..<words.reply { feed([next]) } }
        return LanguageModelSeconds(prefill: prefill, token: reply / Double(words.reply))
    }
}
