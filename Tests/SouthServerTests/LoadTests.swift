import Foundation
import ModelTestSupport
import SouthGPT
import SouthServer
import Synchronization
import TensorCore
import TestSupport
import Testing

/// Many clients at once, and clients that go away.
@Suite struct LoadTests {
    private func ask(_ words: String, _ rest: String = "") -> Data {
        Data(
            (#"{"messages": [{"role": "user", "content": "\#(words)"}], "temperature": 0, "#
                + #""max_tokens": 24, "modalities": ["text"]\#(rest)}"#).utf8)
    }

    private func text(_ reply: Reply) throws -> String {
        let body = try JSONSerialization.jsonObject(with: reply.body) as? [String: Any]
        let choice = (body?["choices"] as? [[String: Any]])?.first
        let message = choice?["message"] as? [String: Any]
        return try #require(
            message?["content"] as? String, "\(String(decoding: reply.body, as: UTF8.self))")
    }

    @Test func chatsAtOnceAreAnsweredAsOneByOne() async throws {
        let words = ["Hi", "What is a bird and where does it live?", "a b c", "Sing", "Why?"]
        var alone: [String] = []
        try await ServerUnderTest.run { server in
            for word in words {
                alone.append(
                    try text(await server.reply("POST", "/v1/chat/completions", ask(word))))
            }
        }
        let expected = alone
        try await ServerUnderTest.run { server in
            let exchange = server.exchange
            let together = try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for (index, word) in words.enumerated() {
                    let body = ask(word)
                    group.addTask {
                        let call = Call("POST", "/v1/chat/completions", body: body)
                        guard case .work(let work) = await exchange.answer(to: call) else {
                            return (index, "")
                        }
                        return (index, try text(await work()))
                    }
                }
                return try await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
            }
            #expect(words.indices.map { together[$0] } == expected)
        }
    }

    @Test func aChatIsAnsweredWhileAClipIsMade() async throws {
        try await ServerUnderTest.run { server in
            let job = try await server.post(
                "/v1/videos", #"{"prompt": "waves", "video_steps": 200, "frames": 16}"#)
            let id = job.body["id"] as? String ?? ""
            func state() async throws -> [String: Any] {
                let reply = try await server.reply("GET", "/v1/videos/\(id)")
                return try JSONSerialization.jsonObject(with: reply.body) as? [String: Any] ?? [:]
            }
            while try await state()["status"] as? String == "queued" {
                try await Task.sleep(for: .milliseconds(5))
            }
            // Before the first step it was told how long it may take.
            #expect(try await state()["estimated_seconds"] as? Int ?? 0 > 0)
            _ = try text(await server.reply("POST", "/v1/chat/completions", ask("Hi")))
            #expect(try await state()["status"] as? String == "in_progress")
            _ = try await server.reply("DELETE", "/v1/videos/\(id)")
        }
    }

    @Test func aClientThatGoesAwayTakesItsComputationWithIt() async throws {
        try await ServerUnderTest.run { server in
            let body = Data(
                #"{"prompt": "waves", "n": 1, "image_steps": 200, "height": 256, "width": 256}"#
                    .utf8)
            let call = Call("POST", "/v1/images/generations", body: body)
            guard case .work(let work) = await server.exchange.answer(to: call) else {
                Issue.record("not answered with work")
                return
            }
            let queue = server.exchange.engine.queue
            let task = Task { await work() }
            while await !queue.isBusy { await Task.yield() }
            task.cancel()
            #expect(await task.value.status == 499)
            #expect(await queue.running == 0)
        }
    }

    @Test func aFullQueueSaysWhenToComeAgain() async throws {
        var limits = ServerLimits()
        (limits.seats, limits.waiting) = (1, 0)
        try await ServerUnderTest.run(limits: limits) { server in
            let queue = server.exchange.engine.queue
            let (opened, door) = AsyncStream.makeStream(of: Void.self)
            let busy = Task { try await queue.run { for await _ in opened {} } }
            while await !queue.isBusy { await Task.yield() }
            let reply = try await server.reply("POST", "/v1/chat/completions", ask("Hi"))
            #expect(reply.status == 503)
            #expect((1...600).contains(Int(reply.headers["retry-after"] ?? "") ?? 0))
            door.finish()
            try await busy.value
            #expect(
                try await server.reply("POST", "/v1/chat/completions", ask("Hi")).status == 200)
        }
    }

    @Test func aStreamShowsSmallPicturesOfWhatIsMade() async throws {
        try await ServerUnderTest.run { server in
            let events = try await server.events(
                #"{"messages": [{"role": "user", "content": "Hi"}], "modalities": ["image"], "#
                    + #""image_steps": 9, "stream": true}"#)
            let previews = events.filter { $0.contains("data:image/png;base64,iVBOR") }
            // After steps 4 and 8 of 9, and no more; the sampler may add a step of its own.
            #expect((2...3).contains(previews.count))
            #expect(events.contains { $0.contains("\"estimated_seconds\":") })
        }
    }

    @Test func aSilentStreamIsKeptAlive() async throws {
        let lines = Mutex<[String]>([])
        try await withSignsOfLife(every: .milliseconds(10)) { send in
            try await send(Data("data: a\n\n".utf8))
            try await Task.sleep(for: .milliseconds(100))
            try await send(Data("data: b\n\n".utf8))
        } write: { data in
            lines.withLock { $0.append(String(decoding: data, as: UTF8.self)) }
        }
        let written = lines.withLock { $0 }
        #expect(written.first == "data: a\n\n" && written.last == "data: b\n\n")
        #expect(written.dropFirst().dropLast().allSatisfy { $0 == ": still here\n\n" })
        #expect(written.count > 2)
    }

    @Test func theLogHasALineForEachRequestAndNothingThatWasSaid() async throws {
        let lines = Mutex<[String]>([])
        let log = ServerLog { line in lines.withLock { $0.append(line) } }
        try await ServerUnderTest.run(log: log) { server in
            let call = Call("POST", "/v1/chat/completions", body: ask("a secret"))
            let reply = try await server.reply("POST", "/v1/chat/completions", call.body)
            server.exchange.finished(call, reply.status, .now, "request-1")
            server.exchange.finished(Call("GET", "/v1/media/secret.png"), 200, .now, "request-2")
        }
        let written = lines.withLock { $0 }
        #expect(written.count == 2)
        for (index, line) in written.enumerated() {
            let values = try JSONSerialization.jsonObject(with: Data(line.utf8))
            let entry = try #require(values as? [String: String])
            #expect(entry["id"] == "request-\(index + 1)" && entry["status"] == "200")
            #expect(!line.contains("secret") && !line.contains("\n"))
        }
    }

    @Test func embeddingsEndWithTheirClientToo() async throws {
        try await ServerUnderTest.run { server in
            let part = #"{"type": "image_url", "image_url": {"url": "\#(try pictureURL())"}}"#
            let inputs = [String](repeating: part, count: 64).joined(separator: ",")
            let call = Call("POST", "/v1/embeddings", body: Data(#"{"input": [\#(inputs)]}"#.utf8))
            // Where others use the machine it may be done before it is told to end: again then.
            var status = 0
            for _ in 0..<50 where status != 499 {
                guard case .work(let work) = await server.exchange.answer(to: call) else {
                    Issue.record("not answered with work")
                    return
                }
                let hasEnded = Mutex(false)
                let task = Task {
                    defer { hasEnded.withLock { $0 = true } }
                    return await work()
                }
                while await !server.exchange.engine.queue.isBusy, !hasEnded.withLock({ $0 }) {
                    await Task.yield()
                }
                task.cancel()
                status = await task.value.status
            }
            #expect(status == 499)
        }
    }

    @Test func stoppingEndsTheJobsAndWaitsForNothingElse() async throws {
        try await ServerUnderTest.run { server in
            let job = try await server.post(
                "/v1/videos", #"{"prompt": "waves", "video_steps": 200, "frames": 16}"#)
            let id = job.body["id"] as? String ?? ""
            let queue = server.exchange.engine.queue
            while await !queue.isBusy { await Task.yield() }
            await server.exchange.stop()
            #expect(await queue.running == 0)
            let reply = try await server.reply("GET", "/v1/videos/\(id)")
            let state = try JSONSerialization.jsonObject(with: reply.body) as? [String: Any]
            #expect(state?["status"] as? String == "cancelled")
        }
    }
}
