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

    @Test func clientsTakeTurnsHoweverManyRequestsEachHas() async throws {
        let queue = RequestQueue(limit: 8)
        let (door, order) = (Door(), Order())
        let first = Task { try await queue.run(client: "a") { await door.pass() } }
        while await !queue.isBusy { await Task.yield() }
        var tasks: [Task<Void, any Error>] = []
        for (index, client) in ["a", "a", "a", "b", "b", "c"].enumerated() {
            tasks.append(Task { try await queue.run(client: client) { await order.note(index) } })
            while await queue.waiting <= index { await Task.yield() }
        }
        await door.open()
        for task in [first] + tasks { try await task.value }
        // b and c wait behind one request of a's, not behind all of them.
        #expect(await order.noted == [3, 5, 0, 4, 1, 2])
    }

    @Test func oneClientCannotTakeEveryPlace() async throws {
        let queue = RequestQueue(limit: 4)
        let door = Door()
        var tasks = [Task { try await queue.run(client: "a") { await door.pass() } }]
        while await !queue.isBusy { await Task.yield() }
        for index in 0..<3 {
            tasks.append(Task { try await queue.run(client: "a") {} })
            while await queue.waiting <= index { await Task.yield() }
        }
        await #expect(throws: ServerError.self) { try await queue.run(client: "a") {} }
        tasks.append(Task { try await queue.run(client: "b") {} })
        while await queue.waiting < 4 { await Task.yield() }
        await #expect(throws: ServerError.self) { try await queue.run(client: "c") {} }
        await door.open()
        for task in tasks { try await task.value }
        #expect(await queue.running == 0)
    }

    @Test func makingMediaLeavesSeatsForChats() async throws {
        let queue = RequestQueue(limit: 8, seats: 4)
        let door = Door()
        var tasks: [Task<Void, any Error>] = []
        for index in 0..<3 {
            tasks.append(Task { try await queue.run(makes: true) { await door.pass() } })
            while await queue.running + queue.waiting <= index { await Task.yield() }
        }
        #expect(await queue.running == 2)
        #expect(await queue.waiting == 1)
        // Two seats are free, and a chat takes one at once.
        try await queue.run {}
        await door.open()
        for task in tasks { try await task.value }
        #expect(await queue.running == 0)
    }
}
