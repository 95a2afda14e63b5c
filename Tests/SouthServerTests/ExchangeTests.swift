import Foundation
import SouthServer
import TestSupport
import Testing

@Suite struct ExchangeTests {
    /// A door that work waits at until it is opened.
    private actor Door {
        private var isOpen = false
        private var waiting: [CheckedContinuation<Void, Never>] = []
        func pass() async {
            if !isOpen { await withCheckedContinuation { waiting.append($0) } }
        }
        func open() {
            isOpen = true
            waiting.forEach { $0.resume() }
            waiting = []
        }
    }

    /// Who came when.
    private actor Order {
        private(set) var noted: [Int] = []
        func note(_ number: Int) { noted.append(number) }
    }

    @Test func uploadsGenerateAndServesMedia() async throws {
        let root = FileManager.default.temporaryDirectory.appending(
            component: "southgpt-\(UUID().uuidString)"
        ).path
        defer { try? FileManager.default.removeItem(atPath: root) }
        let exchange = Exchange(media: try MediaFolder(path: root)) { request, media in
            let seen = try Data(contentsOf: URL(filePath: request.imagePaths?.first ?? ""))
            let made = try media.store(seen + [9], type: "png")
            return [
                .init(modality: .text, text: "You said \(request.prompt)."),
                .init(modality: .image, text: request.prompt, media: made),
            ]
        }
        let upload = await exchange.reply(
            method: "POST", path: "/v1/media/png", body: Data([7, 8]))
        #expect(upload.status == 201)
        let name = try #require(
            try JSONDecoder().decode([String: String].self, from: upload.body)["name"])

        let body = Data(#"{"prompt": "hi", "image_paths": ["\#(name)"], "load_sd": true}"#.utf8)
        let reply = await exchange.reply(method: "POST", path: "/v1/generate", body: body)
        #expect(reply.status == 200)
        let answer = try JSONDecoder().decode(GenerateResponse.self, from: reply.body)
        #expect(answer.text == "You said hi.")
        #expect(answer.ignored == ["load_sd"])
        let made = try #require(answer.segments.last?.media)
        let file = await exchange.reply(method: "GET", path: "/v1/media/\(made)", body: Data())
        #expect(file.body == Data([7, 8, 9]))
        #expect(file.contentType == "image/png")
    }

    @Test(arguments: [
        ("GET", "/health", 200), ("GET", "/", 404), ("POST", "/v1/generate", 400),
        ("GET", "/v1/media/../../etc/passwd", 404), ("DELETE", "/health", 404),
        ("POST", "/v1/media/html", 400),
    ])
    func answersEveryRequestWithAStatus(_ method: String, _ path: String, _ status: Int)
        async throws
    {
        let root = FileManager.default.temporaryDirectory.appending(
            component: "southgpt-\(UUID().uuidString)"
        ).path
        defer { try? FileManager.default.removeItem(atPath: root) }
        let exchange = Exchange(media: try MediaFolder(path: root)) { _, _ in [] }
        let reply = await exchange.reply(method: method, path: path, body: Data())
        #expect(reply.status == status)
        #expect(!reply.body.isEmpty)
    }

    @Test func refusesMoreThanMayWaitAndRunsTheOthersInOrder() async throws {
        let queue = RequestQueue(limit: 2)
        let door = Door()
        let order = Order()
        let first = Task { try await queue.run { await door.pass() } }
        while await !queue.isBusy { await Task.yield() }
        let second = Task { try await queue.run { await order.note(2) } }
        while await queue.waiting < 1 { await Task.yield() }
        let third = Task { try await queue.run { await order.note(3) } }
        while await queue.waiting < 2 { await Task.yield() }
        do {
            try await queue.run {}
            Issue.record("a fourth request was let in")
        } catch ServerError.overloaded(let retryAfter) {
            #expect((1...600).contains(retryAfter))
        }
        await door.open()
        try await first.value
        try await second.value
        try await third.value
        #expect(await order.noted == [2, 3])
        #expect(await !queue.isBusy)
    }

    @Test func aRequestThatIsGivenUpLeavesTheQueue() async throws {
        let queue = RequestQueue(limit: 1)
        let door = Door()
        let first = Task { try await queue.run { await door.pass() } }
        while await !queue.isBusy { await Task.yield() }
        let second = Task { try await queue.run { Issue.record("it ran") } }
        while await queue.waiting < 1 { await Task.yield() }
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        #expect(await queue.waiting == 0)
        await door.open()
        try await first.value
    }
}
