import Foundation
import ModelTestSupport
import SouthGPT
import SouthServer
import Testing

/// What clients are told of the model.
@Suite struct ModelRoutesTests {
    private func model(in server: ServerUnderTest) async throws -> [String: Any] {
        let reply = try await server.reply("GET", "/v1/models/tiny")
        return try JSONSerialization.jsonObject(with: reply.body) as? [String: Any] ?? [:]
    }

    @Test func tellsTheModelsOwnSettingsByTheNamesOfRequests() async throws {
        var limits = ServerLimits()
        limits.frames = 40
        try await ServerUnderTest.run(limits: limits) { server in
            let model = try await model(in: server)
            let defaults = model["defaults"] as? [String: Double]
            #expect(
                defaults?.mapValues { ($0 * 100).rounded() / 100 } == [
                    "temperature": 1, "top_p": 0.95, "top_k": 50, "max_tokens": 24,
                    "image_steps": 10, "audio_steps": 10, "video_steps": 10, "guidance": 7.5,
                    "frames": 8, "audio_seconds": 2,
                ])
            #expect(
                model["limits"] as? [String: Int] == [
                    "max_tokens": 2048, "steps": 200, "frames": 40, "audio_seconds": 30,
                    "pixels": 1024 * 1024,
                ])
            #expect(model["examples"] as? [String] == [])
        }
    }

    @Test func tellsTheExamplesOfTheModelsManifest() async throws {
        let files = FileManager.default
        let folder = files.temporaryDirectory.appending(component: UUID().uuidString).path
        defer { try? files.removeItem(atPath: folder) }
        try files.copyItem(atPath: TinyFolder.path, toPath: folder)
        var manifest = try ModelFolder(folder).manifest
        manifest.examples = ["Play a violin.", "Draw a trumpet."]
        try manifest.write(to: folder)
        try await ServerUnderTest.run(opening: { .multimodal(try MultimodalModel(folder)) }) {
            server in
            let examples = try await model(in: server)["examples"] as? [String]
            #expect(examples == ["Play a violin.", "Draw a trumpet."])
        }
    }

    @Test func whileTheModelIsOpenedOnlyHealthAndThePageAreAnswered() async throws {
        let (door, tiny) = (DispatchSemaphore(value: 0), TinyFolder.path)
        let folder = FileManager.default.temporaryDirectory.appending(
            component: "southgpt-\(UUID().uuidString)"
        ).path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let engine = Engine(name: "tiny", waiting: 1) {
            door.wait()
            return .multimodal(try MultimodalModel(tiny))
        }
        let server = ServerUnderTest(
            exchange: try Exchange(engine, media: try MediaFolder(path: folder)))
        let health = try await server.reply("GET", "/health")
        #expect(health.status == 503)
        #expect(String(decoding: health.body, as: UTF8.self).contains(#""status":"loading""#))
        let chat = Data(#"{"messages": [{"role": "user", "content": "Hi"}]}"#.utf8)
        for (path, body) in [
            ("/v1/chat/completions", chat),
            ("/v1/images/generations", Data(#"{"prompt": "a"}"#.utf8)),
            ("/v1/embeddings", Data(#"{"input": "a"}"#.utf8)),
        ] {
            let reply = try await server.reply("POST", path, body)
            #expect(reply.status == 503 && reply.headers["retry-after"] == "2", "\(path)")
        }
        #expect(try await server.reply("GET", "/v1/models").status == 503)
        #expect(try await server.reply("GET", "/").status == 200)
        let metrics = try await server.reply("GET", "/metrics")
        #expect(String(decoding: metrics.body, as: UTF8.self).contains("southgpt_ready 0\n"))
        door.signal()
        try await engine.opened()
        #expect(try await server.reply("GET", "/health").status == 200)
    }
}
