public import ModelZoo

/// How many tokens ask for each medium, and what they are called.
///
/// The published system has 4, 24 and 8 of them and two more around each medium that it reads.
public struct SignalTokens: Codable, Equatable, Sendable {
    public var image: Int
    public var video: Int
    public var audio: Int

    /// The published counts by default.
    public init(image: Int = 4, video: Int = 24, audio: Int = 8) {
        self.image = image
        self.video = video
        self.audio = audio
    }

    /// The token before a medium that the model reads, whatever its modality.
    public static let mediumStart = "<Img>"
    /// The token after it.
    public static let mediumEnd = "</Img>"

    /// The length of a modality's span.
    public func count(of modality: Modality) -> Int {
        switch modality {
        case .image: image
        case .video: video
        case .audio: audio
        }
    }

    /// The tokens of a modality's span, in order: `[IMG0]`, `[IMG1]`, …
    public func names(of modality: Modality) -> [String] {
        (0..<count(of: modality)).map { "[\(modality.signalStem)\($0)]" }
    }

    /// Everything that is added to the base vocabulary, in the order of the published ids.
    public var allNames: [String] {
        [SignalTokens.mediumStart, SignalTokens.mediumEnd]
            + Modality.signalOrder.flatMap(names)
    }

    /// The ids of a modality's span.
    ///
    /// - Throws: `DialogueError.missingToken` where the tokenizer was not given them
    public func ids(of modality: Modality, in tokenizer: LLaMATokenizer) throws -> [Int] {
        try names(of: modality).map { try tokenizer.requiredID(of: $0) }
    }
}

extension LLaMATokenizer {
    func requiredID(of name: String) throws -> Int {
        guard let id = id(of: name) else { throw DialogueError.missingToken(name) }
        return id
    }
}

/// Why a dialogue could not be laid out.
public enum DialogueError: Error, Equatable, CustomStringConvertible {
    /// The tokenizer lacks a token of the system.
    case missingToken(String)
    /// A message stands where its role may not.
    case unexpectedRole(Role, position: Int)

    public var description: String {
        switch self {
        case .missingToken(let name):
            "tokenizer: the token '\(name)' is not in the vocabulary. "
                + "Is added_tokens.json of the same model beside tokenizer.model?"
        case .unexpectedRole(let role, let position):
            "dialogue: message \(position + 1) is from '\(role.rawValue)'. "
                + "Human and assistant take turns, and the human begins."
        }
    }
}
