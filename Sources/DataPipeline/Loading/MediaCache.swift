import Glibc
import Synchronization

/// Decoded media by what is in their files: the same picture under two names, or seen again an
/// epoch later, is decoded once. Holds at most `byteLimit` bytes; what was not asked for the longest
/// goes first.
///
/// Contents are told apart by 128 bits of SipHash under a key of the process, which nobody who
/// writes files can know.
public final class MediaCache<Value: Sendable>: Sendable {
    /// Bytes of decoded media that are kept.
    public let byteLimit: Int
    private let state = Mutex(State())
    private let size: @Sendable (Value) -> Int

    fileprivate struct Fingerprint: Hashable {
        let low: Int
        let high: Int
        let bytes: Int
    }

    /// A file as it was when it was read; one that has changed since is read again.
    fileprivate struct FileState: Hashable {
        let device: UInt
        let inode: UInt
        let bytes: Int
        let seconds: Int
        let nanoseconds: Int
    }

    fileprivate struct Entry {
        let value: Value
        let bytes: Int
        var wasUsed: Bool
    }

    fileprivate struct State {
        var fingerprints: [FileState: Fingerprint] = [:]
        var entries: [Fingerprint: Entry] = [:]
        /// In the order in which they may go; one that was used since gets another round.
        var queue: [Fingerprint] = []
        var head = 0
        var bytes = 0
        var hits = 0
    }

    /// An empty cache.
    ///
    /// - Parameter size: the bytes that a value takes
    public init(byteLimit: Int, size: @escaping @Sendable (Value) -> Int) {
        precondition(byteLimit >= 0, "MediaCache: \(byteLimit) bytes")
        (self.byteLimit, self.size) = (byteLimit, size)
    }

    /// How many were asked for and found, and the bytes held now.
    public var use: (hits: Int, bytes: Int) { state.withLock { ($0.hits, $0.bytes) } }

    /// The decoded medium: from here, or made by `decode` from its file's path.
    ///
    /// - Throws: `DatasetError.badMedium`, and what `decode` throws
    public func value(
        of medium: MediaReference, decode: (String) throws -> Value
    ) throws -> Value {
        try medium.withPath { path in
            let key = try fingerprint(of: path)
            if let value = state.withLock({ $0.find(key) }) { return value }
            let value = try decode(path)
            let bytes = size(value)
            if bytes <= byteLimit {
                state.withLock { $0.insert(value, bytes, key, limit: byteLimit) }
            }
            return value
        }
    }

    private func fingerprint(of path: String) throws -> Fingerprint {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw DatasetError.unreadable(file: path, reason: systemReason())
        }
        let file = FileState(
            device: UInt(status.st_dev), inode: UInt(status.st_ino), bytes: Int(status.st_size),
            seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
        // What a shard's member is unpacked to has no name, and its inode is soon another's.
        let isLasting = status.st_nlink > 0
        if isLasting, let known = state.withLock({ $0.fingerprints[file] }) { return known }
        var (low, high) = (Hasher(), Hasher())
        high.combine(1)
        let contents = try ByteFile(path)
        try contents.forEachPiece { piece, _ in
            low.combine(bytes: UnsafeRawBufferPointer(piece))
            high.combine(bytes: UnsafeRawBufferPointer(piece))
        }
        let found = Fingerprint(
            low: low.finalize(), high: high.finalize(), bytes: contents.count)
        if isLasting { state.withLock { $0.fingerprints[file] = found } }
        return found
    }
}

extension MediaCache.State {
    mutating func find(_ key: MediaCache.Fingerprint) -> Value? {
        guard entries[key] != nil else { return nil }
        entries[key]?.wasUsed = true
        hits += 1
        return entries[key]?.value
    }

    mutating func insert(
        _ value: Value, _ size: Int, _ key: MediaCache.Fingerprint, limit: Int
    ) {
        guard entries[key] == nil else { return }
        while bytes + size > limit, head < queue.count {
            let oldest = queue[head]
            head += 1
            if entries[oldest]?.wasUsed == true {
                entries[oldest]?.wasUsed = false
                queue.append(oldest)
            } else if let entry = entries.removeValue(forKey: oldest) {
                bytes -= entry.bytes
            }
        }
        if head > 1_000, head * 2 > queue.count {
            queue.removeFirst(head)
            head = 0
        }
        entries[key] = .init(value: value, bytes: size, wasUsed: false)
        queue.append(key)
        bytes += size
    }
}
