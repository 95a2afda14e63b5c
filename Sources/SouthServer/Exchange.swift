import FoundationEssentials
import SouthGPT

/// What the server does with a request, whatever program carries HTTP. `Docs/Server.md` and
/// `/openapi.json` describe every route.
///
/// Errors have OpenAI's shape, `{"error": {"message", "type", "param", "code"}}`, with their status;
/// 503 carries `Retry-After`.
public final class Exchange: Sendable {
    /// What a request may ask for.
    public let limits: ServerLimits
    /// Where media come from and go to.
    public let media: MediaFolder
    /// What answers.
    public let engine: Engine
    let log: ServerLog
    let jobs: Jobs
    private let page: StaticFiles
    /// One of them a client must send; nil lets everybody in.
    private let keys: APIKeys?

    /// An exchange over a model.
    ///
    /// - Throws: `ResourceError` where the page's files are not found
    public init(
        _ engine: Engine, limits: ServerLimits = ServerLimits(), media: MediaFolder,
        keys: APIKeys? = nil, log: ServerLog = .silent
    ) throws {
        self.engine = engine
        self.limits = limits
        self.media = media
        self.keys = keys
        self.log = log
        jobs = Jobs(limit: limits.jobs)
        page = try StaticFiles()
    }

    /// Cancels the jobs and waits until nothing is computed: the program may end.
    public func stop() async {
        jobs.cancelAll()
        while await engine.isComputing { try? await Task.sleep(for: .milliseconds(5)) }
    }

    /// How a request is answered; never throws, for every error has a reply.
    public func answer(to call: Call) async -> Answer {
        do {
            if let file = page.reply(to: call) { return .reply(file) }
            let client = client(of: call)
            return try await RequestQueue.$client.withValue(client) {
                try await route(call).inTheName(of: client)
            }
        } catch {
            return .reply(reply(to: error))
        }
    }

    /// Whom the queue takes a request for: who has its key, at the address that it came from.
    private func client(of call: Call) -> String {
        [owner(of: call), call.client].compactMap { $0 }.joined(separator: " ")
    }

    /// Whose key a request carries, where keys are asked for.
    func owner(of call: Call) -> String? { keys?.owner(call) }

    private func route(_ call: Call) async throws -> Answer {
        let parts = call.path.split(separator: "/").map(String.init)
        if isOpen(call) {
            if parts == ["health"] { return .reply(await health()) }
            return .reply(ranged(try file(parts[2]), call.headers["range"]))
        }
        if let refusal = refusal(of: call) { return .reply(refusal) }
        switch (call.method, parts) {
        case ("GET", ["metrics"]):
            return .reply(
                Reply(
                    Data(
                        engine.counters.exposition(
                            waiting: await engine.queue.waiting, isReady: engine.state == "ok"
                        ).utf8), type: "text/plain; version=0.0.4"))
        case ("GET", ["v1", "models"]): return .reply(Reply(json: try models()))
        case ("GET", ["v1", "models", engine.name]):
            return .reply(Reply(json: try models().data[0]))
        case ("POST", ["v1", "chat", "completions"]): return try await chat(call.body)
        case ("POST", ["v1", "images", "generations"]): return try images(call.body)
        case ("POST", ["v1", "audio", "speech"]): return try sound(call.body)
        case ("POST", ["v1", "embeddings"]): return try embeddings(call.body)
        case ("POST", ["v1", "videos"]): return .reply(try await video(call.body))
        case ("POST", ["v1", "generate"]): return try generate(call.body)
        default: break
        }
        switch (call.method, parts.count) {
        case ("POST", 3) where parts[..<2] == ["v1", "media"]:
            let name = try media.store(call.body, type: parts[2])
            return .reply(Reply(201, json: ["name": name, "url": "/v1/media/\(name)"]))
        case ("GET", 3) where parts[..<2] == ["v1", "videos"]:
            return .reply(Reply(json: try jobs.job(parts[2])))
        case ("DELETE", 3) where parts[..<2] == ["v1", "videos"]:
            return .reply(Reply(json: try jobs.cancel(parts[2])))
        case ("GET", 4) where parts[..<2] == ["v1", "videos"] && parts[3] == "content":
            return .reply(try content(ofJob: parts[2]))
        default: throw ServerError.noSuchRoute(method: call.method, path: call.path)
        }
    }

    /// What is answered without a key: health, and media by their names, which are secrets of their
    /// own, so that pages can show them by address.
    private func isOpen(_ call: Call) -> Bool {
        let parts = call.path.split(separator: "/")
        return call.method == "GET"
            && (parts == ["health"] || parts.count == 3 && parts[..<2] == ["v1", "media"])
    }

    /// The answer to a request without the key that it needs; nil for any other. Its body is not
    /// looked at.
    func refusal(of call: Call) -> Reply? {
        guard let keys, !isOpen(call), page.reply(to: call) == nil, keys.owner(call) == nil
        else { return nil }
        return reply(to: ServerError.unauthorized)
    }

    /// A file of the media folder, mapped.
    private func file(_ name: String) throws -> Reply {
        let path = try media.file(name)
        guard let bytes = try? Data(contentsOf: URL(filePath: path), options: .mappedIfSafe) else {
            throw ServerError.noSuchMedia(name: name)
        }
        return Reply(bytes, type: contentTypes[String(name.split(separator: ".")[1])] ?? "")
    }

    /// The part of a file that a player asks for to seek in it.
    private func ranged(_ reply: Reply, _ range: String?) -> Reply {
        var reply = reply
        reply.headers["accept-ranges"] = "bytes"
        reply.headers["cache-control"] = "private, max-age=86400, immutable"
        guard let range, range.hasPrefix("bytes=") else { return reply }
        let ends = range.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let start = Int(ends[0]), start >= 0, start < reply.body.count
        else { return reply }
        let end = min(Int(ends[1]) ?? .max, reply.body.count - 1)
        guard end >= start else { return reply }
        reply.headers["content-range"] = "bytes \(start)-\(end)/\(reply.body.count)"
        reply.body = reply.body.subdata(in: start..<(end + 1))
        reply.status = 206
        return reply
    }
}
