import FoundationEssentials
import MediaIO
import ModelZoo
import SouthGPT

/// A piece of a reply on the wire: text, or a medium by the address of its file.
struct ReplyPiece: Encodable, Equatable {
    let type: String
    var text: String?
    var image: Address?
    var audio: Address?
    var video: Address?

    struct Address: Encodable, Equatable { let url: String }

    private enum CodingKeys: String, CodingKey {
        case type, text
        case image = "image_url"
        case audio = "audio_url"
        case video = "video_url"
    }

    init(text: String) {
        type = "text"
        self.text = text
    }

    init(_ modality: Modality, url: String, caption: String) {
        type = "\(modality.rawValue)_url"
        text = caption
        switch modality {
        case .image: image = Address(url: url)
        case .audio: audio = Address(url: url)
        case .video: video = Address(url: url)
        }
    }
}

/// Tokens of a request, media counting one each.
struct Usage: Encodable, Equatable {
    let prompt: Int
    let completion: Int

    private enum CodingKeys: String, CodingKey {
        case prompt = "prompt_tokens"
        case completion = "completion_tokens"
        case total = "total_tokens"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(prompt, forKey: .prompt)
        try container.encode(completion, forKey: .completion)
        try container.encode(prompt + completion, forKey: .total)
    }
}

/// A reply to `/v1/chat/completions`, whole (`message`) or one chunk of it (`delta`).
struct Completion: Encodable {
    struct Message: Encodable {
        var role: String?
        var content: String?
        /// Text and media in the order in which they were made.
        var parts: [ReplyPiece]?
        /// Of a long job, in chunks alone.
        var progress: Progress?
    }

    struct Progress: Encodable {
        let job: String
        let completed: Int
        let total: Int
        /// Of a medium that is about to be made.
        let estimatedSeconds: Int?
        /// A small picture of what is being made, as a data: URL.
        let preview: String?

        private enum CodingKeys: String, CodingKey {
            case job, completed, total, preview
            case estimatedSeconds = "estimated_seconds"
        }

        init(_ progress: ReplyProgress) throws {
            (job, completed, total) = ("\(progress.job)", progress.completed, progress.total)
            estimatedSeconds = progress.estimatedSeconds.map(wholeSeconds)
            preview = try progress.preview.map {
                "data:image/png;base64,\(Data(try $0.png()).base64EncodedString())"
            }
        }
    }

    struct Choice: Encodable {
        var index = 0
        var message: Message?
        var delta: Message?
        var finishReason: String?

        private enum CodingKeys: String, CodingKey {
            case index, message, delta
            case finishReason = "finish_reason"
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(index, forKey: .index)
            try container.encodeIfPresent(message, forKey: .message)
            try container.encodeIfPresent(delta, forKey: .delta)
            // Clients expect the key in every chunk, with null until the last.
            try container.encode(finishReason, forKey: .finishReason)
        }
    }

    let id: String
    let object: String
    let created: Int
    let model: String
    var choices: [Choice]
    var usage: Usage?
    /// Seconds by job, and the seed that makes the same again.
    var seconds: [String: Double]?
    var seed: UInt64?

    init(id: String, model: String, isChunk: Bool) {
        self.id = id
        self.model = model
        object = isChunk ? "chat.completion.chunk" : "chat.completion"
        created = Int(Date().timeIntervalSince1970)
        choices = []
    }

    /// A chunk with this and nothing else.
    func chunk(_ delta: Message, finish: String? = nil) -> Completion {
        var chunk = self
        chunk.choices = [Choice(delta: delta, finishReason: finish)]
        return chunk
    }
}

/// An estimate as clients get it.
func wholeSeconds(_ seconds: Double) -> Int { Int(min(seconds, 1e9).rounded(.up)) }

extension Response {
    /// `length` where the limit on tokens ended it.
    var finishReason: String { isCut ? "length" : "stop" }

    var usage: Usage { Usage(prompt: promptTokens, completion: generatedTokens) }
}
