import Dispatch
import Synchronization

/// Turns at computing, in the order in which they were asked for: jobs that take all cores do not
/// slow each other down in every operation, and none waits for another's whole length.
public final class ComputeTurns: Sendable {
    private struct State {
        var isTaken = false
        var waiting: [DispatchSemaphore] = []
    }

    private let state = Mutex(State())

    /// Turns that nobody has.
    public init() {}

    /// Computes `body` when its turn comes.
    public func taking<Result>(_ body: () throws -> Result) rethrows -> Result {
        try taking(whileWaiting: {}, body)
    }

    /// Computes `body` when its turn comes, if it is waited for so long.
    ///
    /// - Parameter whileWaiting: called several times a second until then; what it throws gives
    ///   the place up
    public func taking<Result>(
        whileWaiting: () throws -> Void, _ body: () throws -> Result
    ) rethrows -> Result {
        try take(whileWaiting)
        defer { give() }
        return try body()
    }

    /// Lets the others that wait have a turn in the midst of a long one.
    public func pass() {
        guard state.withLock({ !$0.waiting.isEmpty }) else { return }
        give()
        take {}
    }

    /// How often who waits is asked whether to go on.
    private static let patience = DispatchTimeInterval.milliseconds(100)

    private func take(_ whileWaiting: () throws -> Void) rethrows {
        let mine = DispatchSemaphore(value: 0)
        let waits = state.withLock { state in
            if state.isTaken { state.waiting.append(mine) } else { state.isTaken = true }
            return state.waiting.last === mine
        }
        guard waits else { return }
        do {
            while mine.wait(timeout: .now() + ComputeTurns.patience) == .timedOut {
                try whileWaiting()
            }
        } catch {
            leave(mine)
            throw error
        }
    }

    /// Gives up a place, or the turn where it came just now.
    private func leave(_ mine: DispatchSemaphore) {
        let isWaiting = state.withLock { state in
            guard let place = state.waiting.firstIndex(where: { $0 === mine }) else { return false }
            state.waiting.remove(at: place)
            return true
        }
        if !isWaiting { give() }
    }

    /// Hands the turn to the first that waits.
    private func give() {
        let next = state.withLock { state -> DispatchSemaphore? in
            if state.waiting.isEmpty {
                state.isTaken = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.signal()
    }
}
