import FoundationEssentials
import ModelZoo
import SouthGPT

/// One medium made from words: `POST /v1/images/generations`, `/v1/audio/speech`, `/v1/videos`.
struct MakingRequest: Decodable {
    let prompt: String
    var n: Int?
    var size: String?
    var format: String?
    var seconds: Double?
    var settings: MediaSettings

    private enum Key: String, CodingKey {
        case prompt, input, n, size, seconds
        case format = "response_format"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        // Speech says `input` where the others say `prompt`.
        prompt =
            try container.decodeIfPresent(String.self, forKey: .input)
            ?? container.decode(String.self, forKey: .prompt)
        n = try container.decodeIfPresent(Int.self, forKey: .n)
        size = try container.decodeIfPresent(String.self, forKey: .size)
        format = try container.decodeIfPresent(String.self, forKey: .format)
        // Clients send it as text, too.
        seconds =
            try (try? container.decodeIfPresent(Double.self, forKey: .seconds))
            ?? container.decodeIfPresent(String.self, forKey: .seconds).flatMap(Double.init)
        settings = try MediaSettings(from: decoder)
    }

    /// The request for the model, with `size` and `seconds` as settings.
    ///
    /// - Throws: `ServerError`
    mutating func request(_ modality: Modality, _ limits: ServerLimits) throws -> Request {
        guard !prompt.isEmpty else {
            throw ServerError.invalid(field: "prompt", problem: "is empty")
        }
        guard prompt.utf8.count <= limits.promptCharacters else {
            throw ServerError.tooLarge(
                what: "'prompt', in bytes,", found: prompt.utf8.count,
                limit: limits.promptCharacters)
        }
        if let size, size != "auto" {
            let sides = size.split(separator: "x").map { Int($0) }
            guard sides.count == 2, let width = sides[0], let height = sides[1] else {
                throw ServerError.invalid(
                    field: "size", problem: "is '\(size)', expected width x height, as in 512x512")
            }
            (settings.width, settings.height) = (width, height)
        }
        if let seconds {
            switch modality {
            case .audio: settings.audioSeconds = seconds
            case .video: settings.frames = settings.frames ?? Int(min(max(seconds, 0), 1e6) * 8)
            case .image: break
            }
        }
        try settings.check(limits)
        return Request(
            prompt, output: OutputChoice(text: false, media: [modality]),
            options: settings.options)
    }
}

private struct Pictures: Encodable {
    struct Picture: Encodable {
        var url: String?
        var base64: String?
        let seed: UInt64
        private enum CodingKeys: String, CodingKey {
            case url, seed
            case base64 = "b64_json"
        }
    }
    let created: Int
    let data: [Picture]
}

extension Exchange {
    /// `POST /v1/images/generations`
    func images(_ body: Data) throws -> Answer {
        var making = try limits.read(MakingRequest.self, from: body)
        let count = making.n ?? 1
        guard (1...limits.pictures).contains(count) else {
            throw ServerError.invalid(
                field: "n", problem: "is \(count), expected 1 to \(limits.pictures)")
        }
        guard ["url", "b64_json"].contains(making.format ?? "url") else {
            throw ServerError.invalid(
                field: "response_format",
                problem: "is '\(making.format ?? "")'; known are url, b64_json")
        }
        let isData = making.format == "b64_json"
        let first = try making.request(.image, limits)
        _ = try engine.model
        return .work { [self] in
            await replying {
                var pictures: [Pictures.Picture] = []
                for index in 0..<count {
                    var request = first
                    let seed = (first.options.seed ?? 0) &+ UInt64(index)
                    request.options.seed = seed
                    let name = try await make(request)
                    pictures.append(
                        isData
                            ? Pictures.Picture(
                                base64: try bytes(name).base64EncodedString(), seed: seed)
                            : Pictures.Picture(url: "/v1/media/\(name)", seed: seed))
                }
                return Reply(
                    json: Pictures(created: Int(Date().timeIntervalSince1970), data: pictures))
            }
        }
    }

    /// `POST /v1/audio/speech`: a sound as the words describe it, not the words spoken.
    func sound(_ body: Data) throws -> Answer {
        var making = try limits.read(MakingRequest.self, from: body)
        guard ["wav", "mp3"].contains(making.format ?? "wav"), making.format != "mp3" else {
            throw ServerError.invalid(
                field: "response_format", problem: "is '\(making.format ?? "")'; known is wav")
        }
        let request = try making.request(.audio, limits)
        _ = try engine.model
        return .work { [self] in
            await replying { Reply(try bytes(try await make(request)), type: "audio/wav") }
        }
    }

    /// `POST /v1/videos`: begins a job.
    func video(_ body: Data) async throws -> Reply {
        var making = try limits.read(MakingRequest.self, from: body)
        let request = try making.request(.video, limits)
        _ = try engine.model
        try await engine.queue.checkRoom(makes: true)
        return Reply(202, json: try jobs.start(self, request))
    }

    /// `GET /v1/videos/ID/content`
    func content(ofJob id: String) throws -> Reply {
        guard let name = try jobs.job(id).media else {
            throw ServerError.invalid(field: "id", problem: "is of a job that is not completed")
        }
        return Reply(try bytes(name), type: "video/mp4")
    }

    /// Makes the one medium of a request; its name in the media folder.
    func make(
        _ request: Request, onStep: @Sendable (Event) async throws -> Void = { _ in }
    ) async throws -> String {
        let response = try await engine.reply(to: request, after: [], onStep: onStep)
        guard let medium = response.media.first else {
            throw ServerError.unable("The model made nothing.")
        }
        return try media.store(medium)
    }

    private func bytes(_ name: String) throws -> Data {
        guard let bytes = FileManager.default.contents(atPath: try media.file(name)) else {
            throw ServerError.noSuchMedia(name: name)
        }
        return bytes
    }
}
