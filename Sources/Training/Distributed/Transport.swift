/// How the ranks of a run reach each other. Collectives are begun by all ranks in the same order,
/// proceed while the caller computes, and are waited for.
package protocol Transport: Sendable {
    /// This process among the ranks, from zero.
    var rank: Int { get }
    /// How many ranks there are.
    var size: Int { get }

    /// - Throws: `CommunicatorError`
    func begin(_ collective: Collective) throws(CommunicatorError) -> any Exchange
    /// No call may follow.
    func finish() throws(CommunicatorError)
    /// Ends the processes of all ranks, at once.
    func abort(code: Int32) -> Never
}

/// What ranks do together. Buffers and counts agree on all of them.
package enum Collective: Sendable {
    /// Complete when every rank has begun it.
    case barrier
    /// Rank `root`'s elements replace everyone's.
    case broadcast(ExchangeBuffer, root: Int)
    /// The elementwise sum over the ranks replaces the elements of a range.
    case sum(ExchangeBuffer, Range<Int>)
    /// `[size, count]` → `[count]`, `float32`: each rank gets its row of the sum over the ranks,
    /// which is taken in `float32` and in their order.
    case sumScatter(ExchangeBuffer, into: ExchangeBuffer)
    /// `[size, count]`: everyone's row r is replaced by rank r's.
    case allGather(ExchangeBuffer)
    /// `[count]` → `[size, count]` on rank 0, where row r is rank r's; nil elsewhere.
    case gather(ExchangeBuffer, into: ExchangeBuffer?)

    /// What a message calls it.
    var name: String {
        switch self {
        case .barrier: "waiting"
        case .broadcast: "broadcast"
        case .sum: "sum"
        case .sumScatter: "scattered sum"
        case .allGather, .gather: "gathering"
        }
    }
}

/// A collective on its way.
package protocol Exchange: Sendable {
    /// Returns when it is complete here; once.
    ///
    /// - Throws: `CommunicatorError`, which leaves the ranks in different places: nothing but
    ///   `abort` may follow
    func wait() throws(CommunicatorError)
}
