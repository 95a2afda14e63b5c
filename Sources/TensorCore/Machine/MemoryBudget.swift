internal import FoundationEssentials
import Synchronization

/// The memory of tensors on the processor: weights of files are mapped and not counted.
public enum TensorMemory {
    /// Bytes that tensors hold now.
    public static var current: Int { BufferPool.shared.usage.current }
    /// The most that they held since the start, or since `resetPeak`.
    public static var peak: Int { BufferPool.shared.usage.peak }
    /// Bytes that wait to be used again.
    public static var cached: Int { BufferPool.shared.usage.cached }
    /// Lets the peak start again from what is held now.
    public static func resetPeak() { BufferPool.shared.resetPeak() }
    /// Gives what waits back to the system.
    public static func releaseCached() { BufferPool.shared.trim() }
}

/// How much memory the parts of a program may take together.
///
/// Parts reserve before they are loaded and passes before they begin, so that the answer to too
/// little memory is an error and not the kernel's.
public final class MemoryBudget: Sendable {
    /// Bytes that may be reserved together; nil leaves it to the memory that the machine has.
    public let limit: Int?
    private let reserved = Mutex(0)

    /// A budget of that many bytes.
    public init(limit: Int? = nil) { self.limit = limit }

    /// Sets bytes aside for `what`.
    ///
    /// - Parameter mapped: they are those of files, which the system reads again when it must;
    ///   only the limit counts, not what the machine has left
    /// - Throws: `MemoryError`, and sets nothing aside
    public func reserve(_ bytes: Int, for what: String, mapped: Bool = false) throws {
        try reserved.withLock { reserved in
            if let limit, reserved + bytes > limit {
                throw MemoryError.overBudget(needed: reserved + bytes, limit: limit, what: what)
            }
            if !mapped {
                let available = Machine.availableMemoryBytes + BufferPool.shared.usage.cached
                guard bytes <= available else {
                    throw MemoryError.exhausted(needed: bytes, available: available, what: what)
                }
            }
            reserved += bytes
        }
    }

    /// Gives bytes back.
    public func release(_ bytes: Int) { reserved.withLock { $0 -= bytes } }

    /// Computes `body` with bytes set aside for the time it takes.
    ///
    /// - Throws: `MemoryError` before `body` begins, or what `body` throws
    public func reserving<Result>(
        _ bytes: Int, for what: String, _ body: () throws -> Result
    ) throws -> Result {
        try reserve(bytes, for: what)
        defer { release(bytes) }
        return try body()
    }
}

/// Why memory cannot be had. Each text is one line.
public enum MemoryError: Error, Equatable, CustomStringConvertible {
    /// More would be needed than was allowed.
    case overBudget(needed: Int, limit: Int, what: String)
    /// More would be needed than the machine has left.
    case exhausted(needed: Int, available: Int, what: String)

    public var description: String {
        func megabytes(_ bytes: Int) -> String { "\((bytes + (1 << 20) - 1) >> 20) MiB" }
        return switch self {
        case .overBudget(let needed, let limit, let what):
            "\(what): needs \(megabytes(needed)) of memory together with what is loaded; allowed "
                + "are \(megabytes(limit)). Allow more, or ask for less."
        case .exhausted(let needed, let available, let what):
            "\(what): needs \(megabytes(needed)) of memory; the machine has "
                + "\(megabytes(available)) left. Ask for less, or end other programs."
        }
    }
}

extension Machine {
    /// Bytes that this process can still have: what the system calls available, or what is left
    /// to its control group where that is less.
    public static var availableMemoryBytes: Int {
        func number(_ file: String) -> Int? {
            FileManager.default.contents(atPath: file).flatMap { bytes in
                Int(String(decoding: bytes, as: UTF8.self).filter(\.isNumber))
            }
        }
        let available = current.availableBytes
        guard let limit = number("/sys/fs/cgroup/memory.max"),
            let used = number("/sys/fs/cgroup/memory.current")
        else { return available }
        return min(available, max(limit - used, 0))
    }
}
