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
}
