public import FoundationEssentials
import TensorCore

/// An answer to one HTTP request, before any server writes it.
public struct Reply: Equatable, Sendable {
    /// The HTTP status.
    public var status: Int
    /// The type of the body.
    public var contentType = "application/json"
    /// Seconds after which to try again, where the server is overloaded.
    public var retryAfter: Int?
    /// The body.
    public var body: Data

    /// A reply whose body is JSON.
    init(_ status: Int, json: some Encodable) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        self.status = status
        body = (try? encoder.encode(json)) ?? Data()
    }

    /// A file.
    init(file body: Data, type: String) {
        let kinds = [
            "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "wav": "audio/wav",
            "flac": "audio/flac", "ogg": "audio/ogg", "mp4": "video/mp4",
            "mov": "video/quicktime", "webm": "video/webm",
        ]
        status = 200
        contentType = kinds[type] ?? "application/octet-stream"
        self.body = body
    }
}

/// What the server does with a request, whatever program carries HTTP.
///
/// | route | does |
/// |---|---|
/// | `GET /health` | memory, and how many requests wait |
/// | `POST /v1/media/<type>` | stores the body; answers `{"name": …}` |
/// | `GET /v1/media/<name>` | the file of that name |
/// | `POST /v1/generate` | a `GenerateRequest`; answers a `GenerateResponse` |
///
/// Errors are `{"error": text}` with their status; 503 carries `Retry-After`.
public struct Exchange: Sendable {
    /// What makes an answer: the request's media are paths in the media folder by then.
    public typealias Generate =
        @Sendable (GenerateRequest, MediaFolder) async throws -> [GenerateResponse.Segment]

    /// What a request may ask for.
    public let limits: ServerLimits
    /// Where media come from and go to.
    public let media: MediaFolder
    private let queue: RequestQueue
    private let generate: Generate

    /// An exchange that answers with what `generate` makes, one request at a time.
    public init(
        limits: ServerLimits = ServerLimits(), media: MediaFolder, generate: @escaping Generate
    ) {
        self.limits = limits
        self.media = media
        self.generate = generate
        queue = RequestQueue(limit: limits.waiting)
    }

    private struct Health: Encodable {
        let status: String
        let waiting: Int
        let availableMemoryBytes: Int
        let peakMemoryBytes: Int
    }

    /// Answers one request; never throws, for every error has a reply.
    public func reply(method: String, path: String, body: Data) async -> Reply {
        do {
            return try await answer(method, path, body)
        } catch let error as ServerError {
            var reply = Reply(error.status, json: ["error": error.description])
            if case .overloaded(let seconds) = error { reply.retryAfter = seconds }
            return reply
        } catch is CancellationError {
            return Reply(499, json: ["error": "the request was cancelled."])
        } catch {
            // Errors of the system name files of the machine, which are no client's business.
            return Reply(500, json: ["error": "the request failed; the server's log says why."])
        }
    }

    private func answer(_ method: String, _ path: String, _ body: Data) async throws -> Reply {
        let parts = path.split(separator: "/").map(String.init)
        switch (method, parts.count) {
        case ("GET", 1) where parts == ["health"]:
            return Reply(
                200,
                json: Health(
                    status: "ok", waiting: await queue.waiting,
                    availableMemoryBytes: Machine.current.availableBytes,
                    peakMemoryBytes: Machine.peakMemoryBytes))
        case ("POST", 3) where parts.starts(with: ["v1", "media"]):
            guard body.count <= limits.mediaBytes else {
                throw ServerError.tooLarge(
                    what: "the file, in bytes,", found: body.count, limit: limits.mediaBytes)
            }
            return Reply(201, json: ["name": try media.store(body, type: parts[2])])
        case ("GET", 3) where parts.starts(with: ["v1", "media"]):
            let file = try media.file(parts[2])
            guard let bytes = FileManager.default.contents(atPath: file) else {
                throw ServerError.noSuchMedia(name: parts[2])
            }
            return Reply(file: bytes, type: String(parts[2].split(separator: ".")[1]))
        case ("POST", 2) where parts == ["v1", "generate"]:
            return try await generated(body)
        default:
            throw ServerError.noSuchRoute(method: method, path: path)
        }
    }

    private func generated(_ body: Data) async throws -> Reply {
        var (request, ignored) = try GenerateRequest.read(body, limits: limits)
        // Names become paths before the request waits: a wrong name is told at once.
        request.imagePaths = try request.imagePaths?.map(media.file)
        request.audioPaths = try request.audioPaths?.map(media.file)
        request.videoPaths = try request.videoPaths?.map(media.file)
        let resolved = request
        let segments = try await queue.run { try await generate(resolved, media) }
        return Reply(200, json: GenerateResponse(segments: segments, ignored: ignored))
    }
}
