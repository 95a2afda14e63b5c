/// Runs a few requests at a time, the others in turn by client, and refuses more than may wait.
///
/// A client with many requests waits behind none but itself: of those who wait, each gets one seat
/// before any gets a second. What one client cannot do is fill the queue: a quarter of its places
/// stay for others.
public actor RequestQueue {
    private struct Waiter {
        let ticket: Int
        let client: String
        let makes: Bool
        let turn: CheckedContinuation<Bool, Never>
    }

    /// Whose request the task works on.
    @TaskLocal static var client = ""

    /// Requests that may wait behind those that run.
    public let limit: Int
    /// Requests that run at a time.
    public let seats: Int
    /// How many requests run now.
    public private(set) var running = 0
    /// Of those, what makes media alone: half of the seats at most, so that chats go on.
    private var making = 0
    private var waiters: [Waiter] = []
    /// Clients by when they last got a seat, the latest last.
    private var served: [String] = []
    private var nextTicket = 0
    /// A moving mean of how long a request takes.
    private var meanSeconds = 10.0

    /// A queue of so many seats, in which `limit` requests may wait.
    public init(limit: Int, seats: Int = 1) {
        precondition(limit >= 0 && seats > 0, "RequestQueue: \(limit) may wait for \(seats) seats")
        (self.limit, self.seats) = (limit, seats)
    }

    /// Whether a request runs now.
    public var isBusy: Bool { running > 0 }

    /// How many requests wait now.
    public var waiting: Int { waiters.count }

    /// - Throws: `ServerError.overloaded` where a request would be refused
    public func checkRoom(makes: Bool = false) throws {
        try checkRoom(RequestQueue.client, makes)
    }

    private func checkRoom(_ client: String, _ makes: Bool) throws {
        let own = waiters.count { $0.client == client }
        guard isFree(makes) || (waiters.count < limit && own < limit - limit / 4) else {
            throw ServerError.overloaded(retryAfter: secondsUntilFree)
        }
    }

    /// Runs `work` when its turn comes.
    ///
    /// - Parameters:
    ///   - client: who asks; where absent whoever the task works for
    ///   - makes: it makes media and nothing else
    /// - Throws: `ServerError.overloaded` at once where too many wait; `CancellationError` where
    ///   the caller gave up before its turn; whatever `work` throws
    public func run<Result: Sendable>(
        client: String? = nil, makes: Bool = false,
        _ work: @Sendable () async throws -> Result
    ) async throws -> Result {
        let client = client ?? RequestQueue.client
        // Who waits now needs a seat of the other kind: none of this kind is left free.
        if isFree(makes) {
            seat(client, makes)
        } else {
            try checkRoom(client, makes)
            try await wait(client, makes)
        }
        let clock = ContinuousClock()
        let start = clock.now
        defer {
            meanSeconds = 0.8 * meanSeconds + 0.2 * ((clock.now - start) / .seconds(1))
            running -= 1
            if makes { making -= 1 }
            seatNext()
        }
        try Task.checkCancellation()
        return try await work()
    }

    /// When a place in the queue may be free: the time of one request, in whole seconds.
    private var secondsUntilFree: Int {
        min(600, max(1, Int((meanSeconds / Double(seats)).rounded(.up))))
    }

    private func isFree(_ makes: Bool) -> Bool {
        running < seats && (!makes || making < max(1, seats / 2))
    }

    private func seat(_ client: String, _ makes: Bool) {
        running += 1
        if makes { making += 1 }
        served.removeAll { $0 == client }
        served.append(client)
        // Whoever was served so long ago is as good as new.
        if served.count > 1024 { served.removeFirst() }
    }

    private func wait(_ client: String, _ makes: Bool) async throws {
        let ticket = nextTicket
        nextTicket += 1
        let mayRun = await withTaskCancellationHandler {
            await withCheckedContinuation { turn in
                // A task that was cancelled before has no one to call `giveUp` after this.
                if Task.isCancelled {
                    turn.resume(returning: false)
                } else {
                    waiters.append(
                        Waiter(ticket: ticket, client: client, makes: makes, turn: turn))
                }
            }
        } onCancel: {
            Task { await self.giveUp(ticket) }
        }
        guard mayRun else { throw CancellationError() }
    }

    private func giveUp(_ ticket: Int) {
        if let index = waiters.firstIndex(where: { $0.ticket == ticket }) {
            waiters.remove(at: index).turn.resume(returning: false)
        }
    }

    /// Gives free seats to the first requests of the clients that were served longest ago.
    private func seatNext() {
        while true {
            let next = waiters.indices.filter { isFree(waiters[$0].makes) }.min {
                (lastServed(waiters[$0].client), $0) < (lastServed(waiters[$1].client), $1)
            }
            guard let next else { return }
            let waiter = waiters.remove(at: next)
            seat(waiter.client, waiter.makes)
            waiter.turn.resume(returning: true)
        }
    }

    private func lastServed(_ client: String) -> Int { served.firstIndex(of: client) ?? -1 }
}
