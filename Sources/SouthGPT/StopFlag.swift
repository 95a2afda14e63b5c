import Synchronization

/// Says once, from any thread, that work is no longer wanted.
public final class StopFlag: Sendable {
    private let flag = Atomic(false)

    /// A flag that is down.
    public init() {}

    /// Asks for the end.
    public func raise() { flag.store(true, ordering: .relaxed) }

    /// Whether the end was asked for.
    public var isRaised: Bool { flag.load(ordering: .relaxed) }
}
