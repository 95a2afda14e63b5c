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
        switch network {
        case .clip(let clip):
            let length = tokens ?? clip.config.maxPositionEmbeddings
            return clip(try ids(prompt, length, of: clip.config.vocabSize))[0]
        case .clap(let clap):
            let length = clap.config.maxTokens
            return clap(try ids(prompt, length, of: clap.config.vocabSize)).normalized()[0]
        }
    }

    private func ids(_ prompt: String, _ length: Int, of vocabulary: Int) throws -> Tensor {
        let ids = tokenize(prompt, length)
        if let stray = ids.first(where: { !(0..<vocabulary).contains($0) }) {
            throw DecoderError.incompatible(
                decoder: "the text encoder of the", what: "a token id of its tokenizer",
                found: stray, expected: vocabulary - 1)
        }
        return Tensor(ids.map { Int32($0) }, [1, ids.count])
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
