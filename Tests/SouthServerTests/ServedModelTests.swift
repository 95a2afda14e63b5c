import Foundation
import ModelTestSupport
import SouthGPT
import SouthServer
import TestSupport
import Testing

/// What a server may answer with.
@Suite struct ServedModelTests {
    private func ask(_ words: String, _ rest: String = "") -> String {
        #"{"messages": [{"role": "user", "content": "\#(words)"}], "temperature": 0, "#
            + #""max_tokens": 24, "modalities": ["text"]\#(rest)}"#
    }

    private func choice(_ reply: (status: Int, body: [String: Any])) throws -> [String: Any] {
        try #require((reply.body["choices"] as? [[String: Any]])?.first, "\(reply)")
    }

    private func text(_ reply: (status: Int, body: [String: Any])) throws -> String {
        let message = try choice(reply)["message"] as? [String: Any]
        return try #require(message?["content"] as? String)
    }

    private static let alone = "\(TinyFolder.path)/pretrained_ckpt/vicuna_ckpt/tiny"

    @Test(arguments: ["folder", "gguf"])
    func aLanguageModelAloneIsServedToo(kind: String) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            component: "southgpt-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var path = Self.alone
        if kind == "gguf" {
            path = "\(folder.path)/tiny.gguf"
            _ = try CheckpointConversion(input: Self.alone, output: path, types: TypeChoice())
                .write()
        }
        #expect(LanguageModel.isAlone(at: path))
        let file = path
        try await ServerUnderTest.run(opening: { .text(try LanguageModel(file)) }) { server in
            let reply = try await server.post("/v1/chat/completions", ask("Once"))
            var options = GenerationOptions()
            (options.temperature, options.maxNewTokens) = (0, 24)
            let expected = try TextSession(LanguageModel(file)).respond(
                to: "Once", options: options)
            #expect(try text(reply) == expected.text)
            let events = try await server.events(ask("Once", #", "stream": true"#))
            #expect(events.last == "[DONE]")
            let models = try await server.reply("GET", "/v1/models")
            let list = String(decoding: models.body, as: UTF8.self)
            #expect(list.contains(#""input_modalities":["text"],"#))
            #expect(list.contains(#""output_modalities":["text"]"#))
            for (path, body) in [
                ("/v1/images/generations", #"{"prompt": "a bird"}"#),
                ("/v1/embeddings", #"{"input": "a"}"#), ("/v1/videos", #"{"prompt": "a"}"#),
            ] {
                #expect(try await server.post(path, body).status == 422, "\(path)")
            }
        }
    }

    @Test(arguments: ["the whole system", "a language model alone"])
    func aReplyEndsBeforeTheFirstOfTheStops(what: String) async throws {
        let isWhole = what == "the whole system"
        let opening = { @Sendable () throws -> ServedModel in
            isWhole
                ? .multimodal(try MultimodalModel(TinyFolder.path))
                : .text(try LanguageModel(Self.alone))
        }
        try await ServerUnderTest.run(opening: opening) { server in
            let whole = try text(await server.post("/v1/chat/completions", ask("Once")))
            try #require(whole.count > 12)
            let stop = String(whole.dropFirst(6).prefix(3))
            let end = try #require(whole.firstRange(of: stop)?.lowerBound)
            let json = String(decoding: try JSONEncoder().encode(["absent", stop]), as: UTF8.self)
            let cut = try await server.post(
                "/v1/chat/completions", ask("Once", #", "stop": \#(json)"#))
            #expect(try text(cut) == String(whole[..<end]))
            #expect(try choice(cut)["finish_reason"] as? String == "stop")
            let alone = String(decoding: try JSONEncoder().encode([stop]), as: UTF8.self)
                .dropFirst().dropLast()
            let events = try await server.events(
                ask("Once", #", "stream": true, "stop": \#(alone)"#))
            let pieces = try events.dropLast().compactMap { event -> String? in
                let chunk = try JSONSerialization.jsonObject(with: Data(event.utf8))
                let choices = (chunk as? [String: Any])?["choices"] as? [[String: Any]]
                return (choices?.first?["delta"] as? [String: Any])?["content"] as? String
            }
            #expect(pieces.joined() == String(whole[..<end]))
        }
    }

    @Test(arguments: [#"["a", "b", "c", "d", "e"]"#, #""""#, #"[""]"#])
    func stopsThatCannotBeMeantAreRefused(stop: String) async throws {
        try await ServerUnderTest.run { server in
            let (status, body) = try await server.post(
                "/v1/chat/completions", ask("Hi", #", "stop": \#(stop)"#))
            #expect(status == 400)
            let error = body["error"] as? [String: Any]
            #expect(error?["param"] as? String == "stop")
            #expect(
                error?["message"] as? String
                    == "'stop' must be at most 4 strings, each of 1 to 256 bytes.")
        }
    }
}
