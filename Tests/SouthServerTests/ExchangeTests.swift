import Foundation
import SouthGPT
import SouthServer
import Testing

/// What the server answers, over the tiny model.
@Suite struct ExchangeTests {
    private static let few =
        #""max_tokens": 6, "image_steps": 1, "audio_steps": 1, "#
        + #""video_steps": 1, "frames": 2, "audio_seconds": 0.2, "seed": 3"#

    @Test func answersADialogueWithMediaInTheOrderTheyWereMade() async throws {
        try await ServerUnderTest.run { server in
            let json = """
                {"messages": [{"role": "system", "content": "Be brief."},
                  {"role": "user", "content": [
                    {"type": "image_url", "image_url": {"url": "\(try pictureURL())"}},
                    {"type": "text", "text": "What is this?"}]}],
                 "modalities": ["text", "image", "audio", "video"], \(Self.few)}
                """
            let (status, body) = try await server.post("/v1/chat/completions", json)
            #expect(status == 200, "\(body)")
            let choice = (body["choices"] as? [[String: Any]])?.first
            #expect(["stop", "length"].contains(choice?["finish_reason"] as? String ?? ""))
            let message = choice?["message"] as? [String: Any]
            let parts = message?["parts"] as? [[String: Any]] ?? []
            #expect(
                parts.map { $0["type"] as? String }
                    == ["text", "image_url", "audio_url", "video_url"])
            let usage = body["usage"] as? [String: Int]
            #expect(
                usage?["total_tokens"]
                    == (usage?["prompt_tokens"] ?? 0) + (usage?["completion_tokens"] ?? 0))
            for (part, type) in zip(
                parts.dropFirst(), ["image/png", "audio/wav", "video/mp4"])
            {
                let key = part["type"] as? String ?? ""
                let url = (part[key] as? [String: String])?["url"] ?? ""
                let file = try await server.reply("GET", url)
                #expect(file.status == 200)
                #expect(file.headers["content-type"] == type)
                let some = try await server.reply("GET", url, headers: ["range": "bytes=2-5"])
                #expect(some.status == 206)
                #expect(some.body == file.body[2...5])
            }
        }
    }

    @Test func theSameSeedAnswersTheSameAlsoAfterOtherDialogues() async throws {
        try await ServerUnderTest.run { server in
            func ask(_ history: String) async throws -> String {
                let json =
                    #"{"messages": [\#(history){"role": "user", "content": "And?"}], \#(Self.few)}"#
                let (_, body) = try await server.post("/v1/chat/completions", json)
                let message = (body["choices"] as? [[String: Any]])?.first?["message"]
                return (message as? [String: Any])?["content"] as? String ?? "nothing"
            }
            let picture = try pictureURL()
            let history = """
                {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image_url",
                 "image_url": {"url": "\(picture)"}}]}, {"role": "assistant", "content": "Yes."},
                """
            let first = try await ask(history)
            _ = try await ask("")
            _ = try await ask(history.replacing(picture, with: try pictureURL("other")))
            #expect(try await ask(history) == first)
            #expect(first != "nothing")
        }
    }

    @Test func streamsWhatItWouldHaveAnswered() async throws {
        try await ServerUnderTest.run { server in
            let ask =
                #"{"messages": [{"role": "user", "content": "Hi"}], "#
                + #""modalities": ["text", "image"], \#(Self.few)"#
            let whole = try await server.post("/v1/chat/completions", ask + "}").body
            let message = (whole["choices"] as? [[String: Any]])?.first?["message"]
            let events = try await server.events(
                ask + #", "stream": true, "stream_options": {"include_usage": true}}"#)
            #expect(events.last == "[DONE]")
            let chunks = try events.dropLast().map {
                try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
            }
            let deltas = chunks.compactMap { chunk in
                (chunk["choices"] as? [[String: Any]])?.first?["delta"] as? [String: Any]
            }
            #expect(
                deltas.compactMap { $0["content"] as? String }.joined()
                    == (message as? [String: Any])?["content"] as? String)
            #expect(deltas.contains { $0["progress"] != nil })
            #expect(deltas.compactMap { $0["parts"] as? [[String: Any]] }.flatMap { $0 }.count == 1)
            #expect((chunks.last?["usage"] as? [String: Int])?["total_tokens"] ?? 0 > 0)
        }
    }

    @Test func makesPicturesSoundsAndClipsFromWords() async throws {
        try await ServerUnderTest.run { server in
            let (status, pictures) = try await server.post(
                "/v1/images/generations",
                #"{"prompt": "a bird", "n": 2, "response_format": "b64_json", \#(Self.few)}"#)
            #expect(status == 200, "\(pictures)")
            let data = (pictures["data"] as? [[String: Any]] ?? []).compactMap {
                Data(base64Encoded: $0["b64_json"] as? String ?? "")
            }
            #expect(data.count == 2 && data[0] != data[1])
            #expect(data.allSatisfy { $0.starts(with: [0x89, 0x50]) })
            let sound = try await server.reply(
                "POST", "/v1/audio/speech", Data(#"{"input": "rain", \#(Self.few)}"#.utf8))
            #expect(sound.headers["content-type"] == "audio/wav")
            let (begun, job) = try await server.post(
                "/v1/videos", #"{"prompt": "waves", \#(Self.few)}"#)
            #expect(begun == 202)
            let id = job["id"] as? String ?? ""
            var state = ""
            while !["completed", "failed"].contains(state) {
                let reply = try await server.reply("GET", "/v1/videos/\(id)")
                let body = try JSONSerialization.jsonObject(with: reply.body) as? [String: Any]
                state = body?["status"] as? String ?? "failed"
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(state == "completed")
            let clip = try await server.reply("GET", "/v1/videos/\(id)/content")
            #expect(clip.headers["content-type"] == "video/mp4" && clip.body.count > 500)
        }
    }

    @Test func aJobCanBeEnded() async throws {
        try await ServerUnderTest.run { server in
            let (_, job) = try await server.post(
                "/v1/videos", #"{"prompt": "waves", "video_steps": 200, "frames": 16}"#)
            let id = job["id"] as? String ?? ""
            let reply = try await server.reply("DELETE", "/v1/videos/\(id)")
            let body = try JSONSerialization.jsonObject(with: reply.body) as? [String: Any]
            #expect(body?["status"] as? String == "cancelled")
            // What it took is free for the next.
            let next = try await server.post(
                "/v1/chat/completions",
                #"{"messages": [{"role": "user", "content": "Hi"}], \#(Self.few)}"#)
            #expect(next.status == 200)
        }
    }

    @Test func embedsMediaAndSaysWhyItCannotEmbedTexts() async throws {
        try await ServerUnderTest.run { server in
            let part = #"{"type": "image_url", "image_url": {"url": "\#(try pictureURL())"}}"#
            let (status, body) = try await server.post(
                "/v1/embeddings", #"{"input": [\#(part), \#(part)]}"#)
            #expect(status == 200, "\(body)")
            let vectors = (body["data"] as? [[String: Any]] ?? []).compactMap {
                $0["embedding"] as? [Double]
            }
            #expect(vectors.count == 2 && vectors[0] == vectors[1])
            #expect(abs(vectors[0].reduce(0) { $0 + $1 * $1 } - 1) < 1e-4)
            let texts = try await server.post("/v1/embeddings", #"{"input": "a bird"}"#)
            #expect(texts.status == 400)
            let error = texts.body["error"] as? [String: Any]
            #expect((error?["message"] as? String)?.contains("no text tower") == true)
        }
    }

    @Test(arguments: [
        ("GET", "/nothing", "", 404, "nothing at GET /nothing."),
        ("DELETE", "/health", "", 404, "nothing at DELETE /health."),
        (
            "GET", "/v1/media/../../etc/passwd", "", 404,
            "nothing at GET /v1/media/../../etc/passwd."
        ),
        (
            "GET", "/v1/media/passwd", "", 404,
            "no media 'passwd', or no longer. Upload the file and use "
                + "the name in the answer."
        ),
        (
            "POST", "/v1/media/html", "x", 400,
            "'type' is 'html', expected one of flac, gif, jpeg, jpg, "
                + "mov, mp3, mp4, ogg, png, wav, webm, webp."
        ),
        ("POST", "/v1/chat/completions", "{", 400, nil),
        (
            "POST", "/v1/chat/completions", #"{"messages": []}"#, 400,
            "'messages' must end with a message of the user's."
        ),
        (
            "POST", "/v1/chat/completions", "{}x", 400,
            "'the request' cannot be read: The given data was not valid JSON."
        ),
        (
            "POST", "/v1/chat/completions",
            #"{"messages": [{"role": "user", "content": "a"}], "top_p": 0}"#, 400,
            "'top_p' is 0.0, expected more than 0, at most 1."
        ),
        (
            "POST", "/v1/chat/completions",
            #"{"messages": [{"role": "user", "content": "a"}], "modalities": []}"#, 400,
            "'modalities' is empty; name one, or leave it out."
        ),
        (
            "POST", "/v1/chat/completions",
            #"{"messages": [{"role": "user", "content": "a"}], "#
                + #""response_format": {"type": "json_object"}}"#, 400,
            "'response_format' is not supported by this server."
        ),
        (
            "POST", "/v1/chat/completions",
            #"{"messages": [{"role": "user", "content": "a"}], "frequency_penalty": 0.5}"#, 400,
            "'frequency_penalty' is not supported by this server."
        ),
        (
            "POST", "/v1/chat/completions",
            #"{"messages": [{"role": "user", "content": "a"}], "logprobs": true}"#, 400,
            "'logprobs' is not supported by this server."
        ),
        ("POST", "/v1/embeddings", #"{"input": []}"#, 400, "'input' is empty."),
        (
            "POST", "/v1/chat/completions",
            #"{"messages": [{"role": "user", "content": "a"}], "n": 2}"#,
            400, "'n' is 2, and only 1 can be made."
        ),
        (
            "POST", "/v1/chat/completions",
            #"{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "#
                + #"{"url": "file:///etc/passwd"}}]}]}"#, 400,
            "'image_url' is no data: URL and no name that an upload returned; no other address is "
                + "fetched."
        ),
        (
            "POST", "/v1/chat/completions",
            #"{"messages": [{"role": "user", "content": "a"}], "image_steps": 201}"#, 400,
            "'image_steps' is 201, expected 1 to 200."
        ),
        (
            "POST", "/v1/images/generations", #"{"prompt": "a", "size": "wide"}"#, 400,
            "'size' is 'wide', expected width x height, as in 512x512."
        ),
        (
            "POST", "/v1/images/generations", #"{"prompt": "a", "size": "99999999x99999999"}"#, 400,
            nil
        ),
        ("GET", "/v1/videos/none", "", 404, "no job 'none', or no longer."),
    ])
    func saysWhatIsWrong(
        _ method: String, _ path: String, _ body: String, _ status: Int, _ message: String?
    ) async throws {
        try await ServerUnderTest.run { server in
            let reply = try await server.reply(method, path, Data(body.utf8))
            #expect(reply.status == status)
            let error =
                try JSONSerialization.jsonObject(with: reply.body) as? [String: [String: Any]]
            #expect(error?["error"]?["type"] as? String == "invalid_request_error")
            if let message { #expect(error?["error"]?["message"] as? String == message) }
        }
    }

    @Test func aKeyKeepsOthersOutButNotFromHealthAndThePage() async throws {
        try await ServerUnderTest.run(keys: "secret") { server in
            for (path, header, status) in [
                ("/v1/models", nil, 401), ("/v1/models", "Bearer secreT", 401),
                ("/v1/models", "Bearer secret", 200), ("/health", nil, 200), ("/", nil, 200),
            ] as [(String, String?, Int)] {
                let reply = try await server.reply(
                    "GET", path, headers: header.map { ["authorization": $0] } ?? [:])
                #expect(reply.status == status, "\(path) \(header ?? "")")
            }
        }
    }

    @Test func isUnavailableUntilTheModelIsOpen() async throws {
        let failing = { @Sendable () throws -> ServedModel in
            throw ServerError.unable("It was never there.")
        }
        try await ServerUnderTest.run(opening: failing) { server in
            #expect(try await server.reply("GET", "/health").status == 503)
            let chat = try await server.post(
                "/v1/chat/completions", #"{"messages": [{"role": "user", "content": "a"}]}"#)
            #expect(chat.status == 422)
        }
    }

    @Test func everyRouteIsDescribed() async throws {
        try await ServerUnderTest.run { server in
            let reply = try await server.reply("GET", "/openapi.json")
            let api = try JSONSerialization.jsonObject(with: reply.body) as? [String: Any]
            let paths = api?["paths"] as? [String: [String: Any]] ?? [:]
            #expect(paths.count == 14)
            for (path, methods) in paths {
                for method in methods.keys {
                    // Nothing answers that there is no such route.
                    let reply = try await server.reply(
                        method.uppercased(), path.replacing("{id}", with: "tiny"), Data("{".utf8))
                    let text = String(decoding: reply.body, as: UTF8.self)
                    #expect(!text.contains("nothing at"), "\(method) \(path): \(text)")
                }
            }
        }
    }

    @Test func everyKeyOfTheReferencesRequestIsDescribed() async throws {
        try await ServerUnderTest.run { server in
            let reply = try await server.reply("GET", "/openapi.json")
            let api = try JSONSerialization.jsonObject(with: reply.body) as? [String: Any]
            let schemas = (api?["components"] as? [String: Any])?["schemas"] as? [String: Any]
            let schema = schemas?["GenerateRequest"] as? [String: Any]
            let described = (schema?["properties"] as? [String: Any] ?? [:]).keys.sorted()
            // What it knows it says to whoever sends something else.
            let (_, refusal) = try await server.post("/v1/generate", #"{"something": 1}"#)
            let error = refusal["error"] as? [String: Any]
            let known = (error?["message"] as? String)?.split(separator: "known are ").last
            #expect(known.map { "\($0)" } == described.joined(separator: ", ") + ".")
        }
    }

    @Test func whatTheModelRefusesIsTheRequestsFault() async throws {
        var limits = ServerLimits()
        limits.steps = 5000
        try await ServerUnderTest.run(limits: limits) { server in
            let (status, body) = try await server.post(
                "/v1/images/generations", #"{"prompt": "a bird", "image_steps": 2000}"#)
            #expect(status == 400, "\(body)")
        }
    }
}
