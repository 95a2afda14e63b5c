public import MediaIO
public import ModelZoo

/// Something that happens while a reply is made, in order.
public enum Event: Sendable {
    /// The next piece of the reply's text; never half a character.
    case text(String)
    /// A long job moved on.
    case progress(ReplyProgress)
    /// A medium is finished.
    case medium(GeneratedMedium)
}

/// How far a job is.
public struct ReplyProgress: Sendable, Equatable {
    /// What is being done.
    public enum Job: Sendable, Equatable, CustomStringConvertible {
        case reading(Modality)
        case thinking
        case making(Modality)

        /// A word or two for a progress bar: `making image`.
        public var description: String {
            switch self {
            case .reading(let modality): "reading \(modality.rawValue)"
            case .thinking: "thinking"
            case .making(let modality): "making \(modality.rawValue)"
            }
        }
    }

    public let job: Job
    public let completed: Int
    public let total: Int
    /// Of a medium that is about to be made: how long it may take.
    public var estimatedSeconds: Double?
    /// What a picture or clip will look like, a pixel a latent; where it was asked for.
    public var preview: RGBImage?
}

/// A reply, whole.
public struct Response: Sendable {
    /// A stretch of the reply.
    public enum Segment: Sendable {
        case text(String)
        case medium(GeneratedMedium)
    }

    /// Text and media, in the order in which they were made.
    public internal(set) var segments: [Segment] = []
    /// Tokens that went in, media counting one row each, and tokens that came out.
    public internal(set) var promptTokens = 0
    public internal(set) var generatedTokens = 0
    /// Whether the limit on text tokens ended the text.
    public internal(set) var isCut = false
    /// Seconds by job: `reading`, `prefill`, `text`, and each medium made.
    public internal(set) var seconds: [String: Double] = [:]
    /// Which signal tokens came, why, and what was loaded, one line each.
    public internal(set) var explanation: [String] = []

    /// The text alone.
    public var text: String {
        segments.map { if case .text(let text) = $0 { text } else { "" } }.joined()
    }

    /// The media alone.
    public var media: [GeneratedMedium] {
        segments.compactMap { if case .medium(let medium) = $0 { medium } else { nil } }
    }
}
