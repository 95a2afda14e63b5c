import ModelZoo
import Synchronization
public import TensorCore

/// Prompts to the condition that a UNet was trained on.
public struct PromptEncoder: Sendable {
    /// The ids of a prompt with its marks, padded or cut to a length.
    public typealias Tokenize = @Sendable (_ prompt: String, _ length: Int) -> [Int]

    private enum Network {
        case clip(CLIPTextModel)
        case clap(CLAPTextModel)
    }

    private let network: Network
    private let tokenize: Tokenize
    private let empty = EmptyPrompts()

    /// Reads or draws the text encoder.
    ///
    /// - Throws: `ConfigError` and `CheckpointError` where the file or the config disagrees
    public init(
        _ config: TextEncoderConfig, from weights: Weights, tokenize: @escaping Tokenize
    ) throws {
        self.tokenize = tokenize
        switch config {
        case .clip(let clip):
            network = .clip(try CLIPTextModel(clip, from: weights))
            try weights.finish(unused: CLIPTextModel.unused)
        case .clap(let clap):
            network = .clap(try CLAPTextModel(clap, from: weights))
            try weights.finish(unused: CLAPTextModel.unused)
        }
    }

    /// The condition of a prompt: final states `[tokens, width]` of CLIP, or the projection
    /// `[width]` of CLAP divided by its length. That of the empty prompt is computed once.
    ///
    /// - Parameter tokens: rows of CLIP's states; as many as it has positions for unless given
    /// - Throws: `DecoderError.incompatible` for ids that the encoder does not have
    public func callAsFunction(_ prompt: String, tokens: Int? = nil) throws -> Tensor {
        guard prompt.isEmpty else { return try encoded(prompt, tokens) }
        if let state = empty[tokens] { return state }
        let state = try encoded(prompt, tokens)
        empty[tokens] = state
        return state
    }

    private func encoded(_ prompt: String, _ tokens: Int?) throws -> Tensor {
        try states(of: [ids(prompt, tokens ?? maxTokens)])[0]
    }

    /// The conditions of several prompts, each as for it alone. Those that are as long as one
    /// another cost the least: CLAP computes no more padding than its longest prompt needs.
    ///
    /// - Throws: `DecoderError.incompatible` for ids that the encoder does not have
    public func callAsFunction(_ prompts: [String]) throws -> [Tensor] {
        guard !prompts.isEmpty else { return [] }
        let states = try states(of: prompts.map { try ids($0, maxTokens) })
        return (0..<prompts.count).map { states[$0] }
    }

    /// Whether a prompt has more tokens than the encoder reads, so that its end is lost.
    public func isTooLong(_ prompt: String) -> Bool {
        let (whole, longer) = (tokenize(prompt, maxTokens), tokenize(prompt, maxTokens + 1))
        return !longer.starts(with: whole)
    }

    /// The most tokens of a prompt, its marks included.
    public var maxTokens: Int {
        switch network {
        case .clip(let clip): clip.config.maxPositionEmbeddings
        case .clap(let clap): clap.config.maxTokens
        }
    }

    private func states(of rows: [[Int]]) -> Tensor {
        let ids = Tensor(rows.joined().map { Int32($0) }, [rows.count, rows[0].count])
        return switch network {
        case .clip(let clip): clip(ids)
        case .clap(let clap): clap(ids).normalized()
        }
    }

    private func ids(_ prompt: String, _ length: Int) throws -> [Int] {
        let ids = tokenize(prompt, length)
        let vocabulary =
            switch network {
            case .clip(let clip): clip.config.vocabSize
            case .clap(let clap): clap.config.vocabSize
            }
        if let stray = ids.first(where: { !(0..<vocabulary).contains($0) }) {
            throw DecoderError.incompatible(
                decoder: "the decoder's text encoder", what: "a token id of its tokenizer",
                found: stray, expected: vocabulary - 1)
        }
        return ids
    }

    /// Conditions of the empty prompt, by number of tokens.
    private final class EmptyPrompts: Sendable {
        private let states = Mutex<[Int?: Tensor]>([:])

        subscript(tokens: Int?) -> Tensor? {
            get { states.withLock { $0[tokens] } }
            set { states.withLock { $0[tokens] = newValue } }
        }
    }
}
