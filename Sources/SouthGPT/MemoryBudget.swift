import Synchronization

/// How much memory the parts of a model may take together.
///
/// Parts reserve before they are loaded, so that the answer to too little memory is an error and
/// not the kernel's.
public final class MemoryBudget: Sendable {
    /// Bytes that may be reserved; nil sets no limit.
    public let limit: Int?
    private let reserved = Mutex(0)

    /// A budget of that many bytes.
    public init(limit: Int? = nil) { self.limit = limit }

    /// Sets bytes aside for `what`.
    ///
    /// - Throws: `ModelError.overBudget`, and sets nothing aside
    public func reserve(_ bytes: Int, for what: String) throws {
        try reserved.withLock { reserved in
            if let limit, reserved + bytes > limit {
                throw ModelError.overBudget(needed: reserved + bytes, limit: limit, what: what)
            }
            reserved += bytes
        }
    }

    /// Gives bytes back.
    public func release(_ bytes: Int) { reserved.withLock { $0 -= bytes } }
}
