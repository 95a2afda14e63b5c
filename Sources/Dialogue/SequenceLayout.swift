public import ModelZoo

/// A dialogue as the language model sees it: token ids with places for media between them.
public struct DialogueSequence: Sendable, Equatable {
    /// One row of the input.
    public enum Element: Hashable, Sendable {
        case token(Int)
        /// The medium of that index in `media`: one projected row.
        case medium(Int)
    }

    /// A medium that the sequence refers to.
    public struct Medium: Equatable, Sendable {
        public let modality: Modality
        public let name: String

        package init(modality: Modality, name: String) {
            self.modality = modality
            self.name = name
        }
    }

    /// The input, first to last.
    public var elements: [Element] = []
    /// What each element should have been predicted as; nil where nothing is learnt.
    public var labels: [Int?] = []
    /// The media, in the order of their places.
    public var media: [Medium] = []
}

/// The one layout of dialogues, for training and inference alike.
///
/// `BOS ### Human: <Img>E</Img> question⏎### Assistant: reply⏎### Human: …`, where each stretch
/// of text between the marks is tokenised by itself, as the published system was trained.
///
/// Source: South-GPT's table of training sequences (`### Human` form of Vicuna v0, one BOS, no
/// EOS; the textual terminator is `###`).
public struct SequenceLayout: Sendable {
    /// What turns text into ids; it holds the signal tokens.
    public let tokenizer: LLaMATokenizer
    /// The spans that ask for media.
    public let signalTokens: SignalTokens

    /// - Throws: `DialogueError.missingToken` where the tokenizer lacks one of the tokens
    public init(_ tokenizer: LLaMATokenizer, _ signalTokens: SignalTokens) throws {
        self.tokenizer = tokenizer
        self.signalTokens = signalTokens
        for name in signalTokens.allNames { _ = try tokenizer.requiredID(of: name) }
    }

    /// The terminator of a reply.
    public static let terminator = "\n###"

    /// Lays out a dialogue that a human begins. It ends either with a reply and its terminator or,
    /// where the last message is the human's, with the place where the assistant begins to speak.
    ///
    /// - Throws: `DialogueError.unexpectedRole` where the speakers do not take turns
    public func sequence(of messages: [Message]) throws -> DialogueSequence {
        var sequence = DialogueSequence()
        append([tokenizer.bosID], to: &sequence, trained: false)
        for (position, message) in messages.enumerated() {
            let expected: Role = position.isMultiple(of: 2) ? .human : .assistant
            guard message.role == expected else {
                throw DialogueError.unexpectedRole(message.role, position: position)
            }
            switch message.role {
            case .human:
                let opening = position == 0 ? "### Human: " : "Human: "
                append(
                    message.parts, after: opening, before: "\n### Assistant: ", trained: false,
                    to: &sequence)
            case .assistant:
                append(
                    message.parts, after: "", before: SequenceLayout.terminator, trained: true,
                    to: &sequence)
            }
        }
        return sequence
    }

    private func append(
        _ parts: [Part], after opening: String, before closing: String, trained: Bool,
        to sequence: inout DialogueSequence
    ) {
        // "### Human: " before text was tokenised by itself, "Human: " of later turns was not.
        var stretch = opening
        var startsWithMedium = false
        if case .medium = parts.first { startsWithMedium = true }
        if sequence.elements.count == 1, !startsWithMedium {
            append(tokenizer.encode(stretch), to: &sequence, trained: trained)
            stretch = ""
        }
        for part in parts {
            switch part {
            case .text(let text): stretch += text
            case .signal(let modality):
                stretch += signalTokens.names(of: modality).joined(separator: " ")
            case .medium(let modality, let name):
                stretch += SignalTokens.mediumStart
                append(tokenizer.encode(stretch), to: &sequence, trained: false)
                sequence.elements.append(.medium(sequence.media.count))
                sequence.labels.append(nil)
                sequence.media.append(.init(modality: modality, name: name))
                stretch = SignalTokens.mediumEnd + " "
            }
        }
        append(tokenizer.encode(stretch + closing), to: &sequence, trained: trained)
    }

    private func append(_ ids: [Int], to sequence: inout DialogueSequence, trained: Bool) {
        sequence.elements += ids.map { .token($0) }
        sequence.labels += ids.map { trained ? $0 : nil }
    }
}
