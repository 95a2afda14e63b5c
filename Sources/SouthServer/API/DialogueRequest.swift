import Dialogue
import FoundationEssentials
import ModelZoo
import SouthGPT

/// `POST /v1/chat/completions`, by OpenAI's keys, and the settings of media beside them.
struct DialogueRequest: Decodable {
    /// A piece of a message: text, or a medium as data or by the name that an upload returned.
    enum Piece: Decodable {
        case text(String)
        case medium(Modality, source: String)

        private enum Key: String, CodingKey {
            case type, text
            case image = "image_url"
            case video = "video_url"
            case audio = "audio_url"
            case sound = "input_audio"
        }
        private struct Address: Decodable { let url: String }
        private struct Sound: Decodable {
            let data: String
            let format: String
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            let type = try container.decode(String.self, forKey: .type)
            func address(_ key: Key) throws -> String {
                try container.decode(Address.self, forKey: key).url
            }
            switch Key(rawValue: type) {
            case .text: self = .text(try container.decode(String.self, forKey: .text))
            case .image: self = .medium(.image, source: try address(.image))
            case .video: self = .medium(.video, source: try address(.video))
            case .audio: self = .medium(.audio, source: try address(.audio))
            case .sound:
                let sound = try container.decode(Sound.self, forKey: .sound)
                self = .medium(.audio, source: "data:audio/\(sound.format);base64,\(sound.data)")
            case .type, nil:
                throw DecodingError.dataCorruptedError(
                    forKey: .type, in: container,
                    debugDescription: "'\(type)' is not known; known are text, image_url, "
                        + "input_audio, audio_url, video_url")
            }
        }
    }

    struct Message: Decodable {
        let role: String
        let pieces: [Piece]

        private enum Key: String, CodingKey { case role, content }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            role = try container.decode(String.self, forKey: .role)
            if let text = try? container.decodeIfPresent(String.self, forKey: .content) {
                pieces = [.text(text)]
            } else {
                pieces = try container.decodeIfPresent([Piece].self, forKey: .content) ?? []
            }
        }
    }

    let messages: [Message]
    var modalities: [AnswerPart]?
    var stream: Bool?
    var streamOptions: StreamOptions?
    var n: Int?
    var stop: Stops?
    var tools: [Anything]?
    var unsupported: Unsupported
    var settings: MediaSettings

    /// Strings that end the text, alone or several.
    struct Stops: Decodable {
        let strings: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let one = try? container.decode(String.self) {
                strings = [one]
            } else {
                strings = try container.decode([String].self)
            }
        }
    }

    /// What changes the answer of other servers and cannot be had here.
    struct Unsupported: Decodable {
        struct Format: Decodable { let type: String }

        var frequencyPenalty: Float?
        var logprobs: Bool?
        var responseFormat: Format?

        private enum CodingKeys: String, CodingKey {
            case logprobs
            case frequencyPenalty = "frequency_penalty"
            case responseFormat = "response_format"
        }

        /// The first of the fields that asks for something.
        var field: String? {
            if frequencyPenalty ?? 0 != 0 { return CodingKeys.frequencyPenalty.rawValue }
            if logprobs ?? false { return CodingKeys.logprobs.rawValue }
            if responseFormat?.type ?? "text" != "text" {
                return CodingKeys.responseFormat.rawValue
            }
            return nil
        }
    }

    struct StreamOptions: Decodable {
        var includeUsage: Bool?
        private enum CodingKeys: String, CodingKey { case includeUsage = "include_usage" }
    }

    private enum Key: String, CodingKey {
        case messages, modalities, stream, n, stop, tools
        case streamOptions = "stream_options"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        messages = try container.decode([Message].self, forKey: .messages)
        modalities = try container.decodeIfPresent([AnswerPart].self, forKey: .modalities)
        stream = try container.decodeIfPresent(Bool.self, forKey: .stream)
        streamOptions = try container.decodeIfPresent(StreamOptions.self, forKey: .streamOptions)
        n = try container.decodeIfPresent(Int.self, forKey: .n)
        stop = try container.decodeIfPresent(Stops.self, forKey: .stop)
        tools = try container.decodeIfPresent([Anything].self, forKey: .tools)
        unsupported = try Unsupported(from: decoder)
        settings = try MediaSettings(from: decoder)
    }

    /// Checks what can be checked without a model.
    ///
    /// - Throws: `ServerError`
    func check(_ limits: ServerLimits) throws {
        guard let last = messages.last, last.role == "user" else {
            throw ServerError.invalid(
                field: "messages", problem: "must end with a message of the user's")
        }
        guard messages.count <= limits.turns else {
            throw ServerError.tooLarge(
                what: "'messages'", found: messages.count, limit: limits.turns)
        }
        guard n ?? 1 == 1 else {
            throw ServerError.invalid(field: "n", problem: "is \(n ?? 1), and only 1 can be made")
        }
        let stops = stop?.strings ?? []
        guard stops.count <= 4, stops.allSatisfy({ (1...256).contains($0.utf8.count) }) else {
            throw ServerError.invalid(
                field: "stop", problem: "must be at most 4 strings, each of 1 to 256 bytes")
        }
        guard tools?.isEmpty ?? true else {
            throw ServerError.invalid(field: "tools", problem: "is not supported by this model")
        }
        if let field = unsupported.field {
            throw ServerError.invalid(field: field, problem: "is not supported by this server")
        }
        guard modalities?.isEmpty != true else {
            throw ServerError.invalid(
                field: "modalities", problem: "is empty; name one, or leave it out")
        }
        for message in messages
        where !["system", "developer", "user", "assistant"].contains(message.role) {
            throw ServerError.invalid(
                field: "role",
                problem: "is '\(message.role)'; known are system, developer, user, assistant")
        }
        var (characters, media) = (0, 0)
        for piece in messages.flatMap(\.pieces) {
            switch piece {
            case .text(let text): characters += text.utf8.count
            case .medium: media += 1
            }
        }
        guard characters <= limits.promptCharacters else {
            throw ServerError.tooLarge(
                what: "the text of all messages, in bytes,", found: characters,
                limit: limits.promptCharacters)
        }
        guard media <= limits.media else {
            throw ServerError.tooLarge(
                what: "the number of media", found: media, limit: limits.media)
        }
        try settings.check(limits)
    }

    /// The turns before the last, and the request that the last is. What a system message says comes
    /// before the first words of the user's: the model knows no third voice.
    ///
    /// - Parameter open: the path of a medium's file
    func turns(_ open: (Modality, String) throws -> String) throws -> ([Turn], Request) {
        var instructions = ""
        var turns: [Turn] = []
        for message in messages {
            let pieces = try message.pieces.map { piece -> Turn.Piece in
                switch piece {
                case .text(let text): .text(text)
                case .medium(let modality, let source):
                    .medium(MediumFile(modality, try open(modality, source)))
                }
            }
            if message.role == "system" || message.role == "developer" {
                instructions += pieces.text + "\n"
            } else if message.role == "assistant" {
                turns.append(Turn(.assistant, pieces))
            } else {
                // Media come before the words, as in training.
                let words = instructions + pieces.text
                instructions = ""
                turns.append(Turn(.human, pieces.media.map { .medium($0) } + [.text(words)]))
            }
        }
        let last = turns.removeLast()
        var choice: OutputChoice?
        if let modalities {
            choice = OutputChoice(
                text: modalities.contains(.text),
                media: modalities.compactMap { Modality(rawValue: $0.rawValue) })
        }
        var options = settings.options
        options.stops = stop?.strings
        let request = Request(
            last.pieces.text, media: last.pieces.media,
            // Text alone is what the model may choose as well; nothing more is then forced.
            output: choice, options: options)
        return (turns, request)
    }
}

extension [Turn.Piece] {
    fileprivate var text: String {
        map { if case .text(let text) = $0 { text } else { "" } }.joined()
    }

    fileprivate var media: [MediumFile] {
        compactMap { if case .medium(let file) = $0 { file } else { nil } }
    }
}

/// Any value, unread.
struct Anything: Decodable { init(from decoder: any Decoder) {} }
