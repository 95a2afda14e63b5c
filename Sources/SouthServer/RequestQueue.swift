/// Runs one request after another, in the order they came, and refuses more than may wait.
///
/// A model uses every core for one request, so running two at once would only make both late.
public actor RequestQueue {
    private struct Waiter {
        let ticket: Int
        let turn: CheckedContinuation<Bool, Never>
    }

    /// Requests that may wait behind the one that runs.
    public let limit: Int
    /// Whether a request runs now.
    public private(set) var isBusy = false
    private var waiters: [Waiter] = []
    private var nextTicket = 0
    /// A moving mean of how long a request takes.
    private var meanSeconds = 10.0

    /// A queue in which `limit` requests may wait.
    public init(limit: Int) {
        precondition(limit >= 0, "RequestQueue: \(limit) may wait")
        self.limit = limit
    }

    /// How many requests wait now.
    public var waiting: Int { waiters.count }

    /// - Throws: `ServerError.overloaded` where a request would be refused
    public func checkRoom() throws {
        guard !isBusy || waiters.count < limit else {
            throw ServerError.overloaded(retryAfter: secondsUntilFree)
        }
    }

    /// Runs `work` when its turn comes.
    ///
    /// - Throws: `ServerError.overloaded` at once where too many wait; `CancellationError` where
    ///   the caller gave up before its turn; whatever `work` throws
    public func run<Result: Sendable>(
        _ work: @Sendable () async throws -> Result
    ) async throws -> Result {
        if isBusy {
            try checkRoom()
            try await wait()
        }
        isBusy = true
        let clock = ContinuousClock()
        let start = clock.now
        defer {
            meanSeconds = 0.8 * meanSeconds + 0.2 * ((clock.now - start) / .seconds(1))
            startNext()
        }
        try Task.checkCancellation()
        return try await work()
    }

    /// When a place in the queue may be free: the time of one request, in whole seconds.
    private var secondsUntilFree: Int { min(600, max(1, Int(meanSeconds.rounded(.up)))) }

    private func wait() async throws {
        let ticket = nextTicket
        nextTicket += 1
        let mayRun = await withTaskCancellationHandler {
            await withCheckedContinuation { turn in
                // A task that was cancelled before has no one to call `giveUp` after this.
                if Task.isCancelled {
                    turn.resume(returning: false)
                } else {
                    waiters.append(Waiter(ticket: ticket, turn: turn))
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

    /// Hands the turn to the first that waits; `isBusy` stays true so that nobody overtakes it.
    private func startNext() {
        if waiters.isEmpty {
            isBusy = false
        } else {
            waiters.removeFirst().turn.resume(returning: true)
        }
    }
}
