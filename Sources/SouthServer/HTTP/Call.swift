public import FoundationEssentials

/// One HTTP request, whatever program carries HTTP.
public struct Call: Sendable {
    public var method: String
    /// Without the query.
    public var path: String
    /// By names in small letters.
    public var headers: [String: String]
    public var body: Data
    /// The address that it came from.
    public var client: String

    /// A request.
    public init(
        _ method: String, _ path: String, headers: [String: String] = [:], body: Data = Data(),
        client: String = ""
    ) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.client = client
    }
}

/// An answer to one HTTP request, before any server writes it.
public struct Reply: Equatable, Sendable {
    /// The HTTP status.
    public var status: Int
    /// By names in small letters.
    public var headers: [String: String]
    public var body: Data

    /// A reply of a given type.
    init(status: Int = 200, _ body: Data, type: String) {
        self.status = status
        self.body = body
        headers = ["content-type": type]
    }

    /// A reply whose body is JSON.
    init(_ status: Int = 200, json: some Encodable) {
        self.init(status: status, jsonData(json), type: "application/json")
    }
}

/// How a request is answered.
public enum Answer: Sendable {
    /// At once.
    case reply(Reply)
    /// With work that ends when the task is cancelled.
    case work(@Sendable () async -> Reply)
    /// With server-sent events, each handed over as it comes; what `send` throws ends the work.
    case events(@Sendable (_ send: @Sendable (Data) async throws -> Void) async throws -> Void)
}

extension Answer {
    /// The same, its work waiting in the queue as that client's.
    func inTheName(of client: String) -> Answer {
        switch self {
        case .reply: self
        case .work(let work):
            .work { await RequestQueue.$client.withValue(client) { await work() } }
        case .events(let work):
            .events { send in
                try await RequestQueue.$client.withValue(client) { try await work(send) }
            }
        }
    }
}

/// JSON on one line, keys in order.
func jsonData(_ value: some Encodable) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(value)) ?? Data()
}

/// The types of files that media come in and the page is made of, by their ending.
let contentTypes = [
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp",
    "gif": "image/gif", "wav": "audio/wav", "flac": "audio/flac", "ogg": "audio/ogg",
    "mp3": "audio/mpeg", "mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm",
    "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8", "json": "application/json", "svg": "image/svg+xml",
]
