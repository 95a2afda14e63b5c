import Foundation
import MediaIO
import ModelTestSupport
import SouthGPT
import SouthServer
import TensorCore
import TestSupport

/// An exchange over the tiny model, with a media folder of its own.
struct ServerUnderTest {
    let exchange: Exchange

    /// Calls `body` once the model is open, and removes the folder after it.
    static func run(
        limits: ServerLimits = ServerLimits(), keys: String? = nil, log: ServerLog = .silent,
        opening open: @escaping @Sendable () throws -> ServedModel = {
            .multimodal(try MultimodalModel(TinyFolder.path))
        },
        _ body: (ServerUnderTest) async throws -> Void
    ) async throws {
        let root = FileManager.default.temporaryDirectory.appending(
            component: "southgpt-\(UUID().uuidString)"
        ).path
        defer { try? FileManager.default.removeItem(atPath: root) }
        let engine = Engine(name: "tiny", waiting: limits.waiting, seats: limits.seats, open: open)
        let exchange = try Exchange(
            engine, limits: limits, media: try MediaFolder(path: root, limits: limits),
            keys: keys.map { try APIKeys($0, file: "keys") }, log: log)
        // What keeps it from opening is what some tests are about.
        _ = try? await engine.opened()
        try await body(ServerUnderTest(exchange: exchange))
    }

    /// The reply to a request, its work done.
    func reply(
        _ method: String, _ path: String, _ body: Data = Data(), headers: [String: String] = [:]
    ) async throws -> Reply {
        switch await exchange.answer(to: Call(method, path, headers: headers, body: body)) {
        case .reply(let reply): return reply
        case .work(let work): return await work()
        case .events: throw AnsweredWithEvents()
        }
    }

    /// The same for a body of JSON; the status, and the body read.
    func post(_ path: String, _ json: String) async throws -> (status: Int, body: [String: Any]) {
        let reply = try await reply("POST", path, Data(json.utf8))
        let body = try JSONSerialization.jsonObject(with: reply.body) as? [String: Any]
        return (reply.status, body ?? [:])
    }

    /// The events of a streamed request, without their `data: `.
    func events(_ json: String) async throws -> [String] {
        let call = Call("POST", "/v1/chat/completions", body: Data(json.utf8))
        guard case .events(let work) = await exchange.answer(to: call) else {
            throw AnsweredWithoutEvents()
        }
        let lines = Lines()
        try await work { await lines.add(String(decoding: $0, as: UTF8.self)) }
        return await lines.all.map { String($0.dropFirst(6).dropLast(2)) }
    }

    private struct AnsweredWithEvents: Error {}
    private struct AnsweredWithoutEvents: Error {}

    private actor Lines {
        private(set) var all: [String] = []
        func add(_ line: String) { all.append(line) }
    }
}

/// A picture as a data: URL.
func pictureURL(_ name: String = "p") throws -> String {
    try withTemporaryFolder { folder in
        try writePNG(recipeInput(name, [3, 40, 40], scale: 1) + 0.5, to: "\(folder)/p.png")
        let bytes = try Data(contentsOf: URL(filePath: "\(folder)/p.png"))
        return "data:image/png;base64,\(bytes.base64EncodedString())"
    }
}
