import SouthServer
import Testing

@Suite struct RequestQueueTests {
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
