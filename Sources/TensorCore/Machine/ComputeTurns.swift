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
        take()
        defer { give() }
        return try body()
    }

    /// Lets the others that wait have a turn in the midst of a long one.
    public func pass() {
        guard state.withLock({ !$0.waiting.isEmpty }) else { return }
        give()
        take()
    }

    private func take() {
        let mine = DispatchSemaphore(value: 0)
        let waits = state.withLock { state in
            if state.isTaken { state.waiting.append(mine) } else { state.isTaken = true }
            return state.waiting.last === mine
        }
        if waits { mine.wait() }
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
