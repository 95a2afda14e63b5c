import Foundation
import SouthServer
import Synchronization
import TestSupport
import Testing

@Suite struct APIKeysTests {
    private static let two = "# who may ask\nalice  s3cret\n\n  other\n"

    @Test func everyKeyOfTheFileLetsInAndNothingElse() async throws {
        try await ServerUnderTest.run(keys: Self.two) { server in
            for (header, status) in [
                ("Bearer s3cret", 200), ("Bearer other", 200), ("Bearer alice", 401),
                ("Bearer alice  s3cret", 401), ("s3cret", 401), ("Bearer ", 401), ("Bearer #", 401),
            ] {
                let reply = try await server.reply(
                    "GET", "/v1/models", headers: ["authorization": header])
                #expect(reply.status == status, "\(header)")
            }
        }
    }

    @Test func aFileThatCannotBeMeantIsRefusedWithoutAKeyInTheText() throws {
        let advice = "Write a key a line, with a name in front if you like."
        for (text, problem) in [
            ("\n# none\n", "has no key"),
            ("a b c", "has in line 1 3 words, expected a key, or a name and a key"),
            ("s3cret\nbob s3cret", "has in line 2 a key that an earlier line has"),
            ("bob x\nbob y", "has in line 2 a name that an earlier line has"),
        ] {
            let error = #expect(throws: ServerError.self) { try APIKeys(text, file: "keys.txt") }
            #expect(error?.description == "keys.txt: \(problem). \(advice)")
        }
        let error = #expect(throws: ServerError.self) { try APIKeys(contentsOf: "/nowhere/keys") }
        #expect(error?.description == "/nowhere/keys: cannot be read. \(advice)")
    }

    @Test func theLogNamesWhoAskedAndNotTheKey() async throws {
        let lines = Mutex<[String]>([])
        let log = ServerLog { line in lines.withLock { $0.append(line) } }
        try await ServerUnderTest.run(keys: Self.two, log: log) { server in
            for header in ["Bearer s3cret", "Bearer other", "Bearer x"] {
                let call = Call("GET", "/v1/models", headers: ["authorization": header])
                server.exchange.finished(call, 200, .now, "1")
            }
        }
        let names = try lines.withLock { $0 }.map { line in
            (try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])?["key"]
        }
        #expect(names == ["alice", "key 2", nil])
        #expect(!lines.withLock { $0 }.joined().contains("s3cret"))
    }

    /// Behind a proxy all have one address.
    @Test func theQueueTellsClientsOfOneAddressApartByTheirKeys() async throws {
        var limits = ServerLimits()
        (limits.seats, limits.waiting) = (1, 4)
        try await ServerUnderTest.run(limits: limits, keys: Self.two) { server in
            let (exchange, queue) = (server.exchange, server.exchange.engine.queue)
            let (opened, door) = AsyncStream.makeStream(of: Void.self)
            let busy = Task { try await queue.run { for await _ in opened {} } }
            while await !queue.isBusy { await Task.yield() }
            @Sendable func status(_ key: String) async throws -> Int {
                let body = Data(
                    #"{"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}"#.utf8)
                let call = Call(
                    "POST", "/v1/chat/completions",
                    headers: ["authorization": "Bearer \(key)"], body: body, client: "10.0.0.1")
                guard case .work(let work) = await exchange.answer(to: call) else { return 0 }
                return await work().status
            }
            // Three of the four places are what one client may have.
            var tasks: [Task<Int, any Error>] = []
            for count in 1...3 {
                tasks.append(Task { try await status("s3cret") })
                while await queue.waiting < count { await Task.yield() }
            }
            #expect(try await status("s3cret") == 503)
            tasks.append(Task { try await status("other") })
            for _ in 0..<2000 where await queue.waiting < 4 {
                try await Task.sleep(for: .milliseconds(5))
            }
            door.finish()
            try await busy.value
            for task in tasks { #expect(try await task.value == 200) }
        }
    }
}
