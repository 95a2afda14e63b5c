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
    /// The spans that ask for media, in reading order.
    public var spans: [Span] = []
    /// How many elements come before the text part, which alone is counted and cut: BOS, the
    /// opening and, where the dialogue begins with a medium, that medium.
    public var prefixCount = 0

    /// An empty one.
    package init() {}

    /// A span of signal tokens.
    public struct Span: Equatable, Sendable {
        public let modality: Modality
        /// Its place among the elements.
        public var elements: Range<Int>
        /// Which of the dialogue's signals it is, from 0 in reading order; it keeps this number
        /// when others are cut away.
        public let signal: Int

        package init(modality: Modality, elements: Range<Int>, signal: Int) {
            (self.modality, self.elements, self.signal) = (modality, elements, signal)
        }
    }
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

    /// What a dialogue begins with.
    package static let opening = "### Human: "
    /// What ends a question and begins its reply.
    package static let replyOpening = "\n### Assistant: "
    /// The terminator of a reply.
    public static let terminator = "\n###"

    /// Lays out a dialogue that a human begins. It ends either with a reply and its terminator or,
    /// where the last message is the human's, with the place where the assistant begins to speak.
    ///
    /// Text is only ever text: signal tokens and marks that someone typed stay letters.
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
                let opening = position == 0 ? SequenceLayout.opening : "Human: "
                try append(
                    message.parts, after: opening, before: SequenceLayout.replyOpening,
                    trained: false, to: &sequence)
            case .assistant:
                try append(
                    message.parts, after: "", before: SequenceLayout.terminator, trained: true,
                    to: &sequence)
            }
        }
        return sequence
    }

    private func append(
        _ parts: [Part], after opening: String, before closing: String, trained: Bool,
        to sequence: inout DialogueSequence
    ) throws {
        var stretch: [PromptPiece] = [.text(opening)]
        let opensDialogue = sequence.elements.count == 1
        if opensDialogue {
            if case .medium = parts.first {
            } else {
                // "### Human: " before text was tokenised by itself, "Human: " of later turns not.
                append(tokenizer.encode(stretch), to: &sequence, trained: trained)
                stretch = []
            }
            sequence.prefixCount = sequence.elements.count
        }
        for part in parts {
            switch part {
            case .text(let text): stretch.append(.text(text))
            case .signal(let modality):
                stretch += try signalTokens.ids(of: modality, in: tokenizer).map { .token($0) }
            case .medium(let modality, let name):
                stretch.append(.token(try tokenizer.requiredID(of: SignalTokens.mediumStart)))
                append(tokenizer.encode(stretch), to: &sequence, trained: false)
                sequence.elements.append(.medium(sequence.media.count))
                sequence.labels.append(nil)
                if opensDialogue, sequence.media.isEmpty, part == parts.first {
                    sequence.prefixCount = sequence.elements.count
                }
                sequence.media.append(.init(modality: modality, name: name))
                let end = try tokenizer.requiredID(of: SignalTokens.mediumEnd)
                stretch = [.token(end), .text(" ")]
            }
        }
        append(tokenizer.encode(stretch + [.text(closing)]), to: &sequence, trained: trained)
        try noteSpans(of: parts, in: &sequence)
    }

    /// Finds the spans of the message just laid out: text never holds their ids.
    private func noteSpans(of parts: [Part], in sequence: inout DialogueSequence) throws {
        var start = sequence.spans.last?.elements.upperBound ?? 0
        for case .signal(let modality) in parts {
            let ids = try signalTokens.ids(of: modality, in: tokenizer)
            guard let first = ids.first else { continue }
            while start < sequence.elements.count, sequence.elements[start] != .token(first) {
                start += 1
            }
            sequence.spans.append(
                .init(
                    modality: modality, elements: start..<(start + ids.count),
                    signal: sequence.spans.count))
            start += ids.count
        }
    }

    private func append(_ ids: [Int], to sequence: inout DialogueSequence, trained: Bool) {
        sequence.elements += ids.map { .token($0) }
        sequence.labels += ids.map { trained ? $0 : nil }
    }
}
