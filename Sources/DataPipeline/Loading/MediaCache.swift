import Glibc
import MediaIO
import ModelZoo
import Synchronization

/// Decoded media by what is in their files and what they are decoded as: the same picture under two
/// names, or seen again an epoch later, is decoded once. Holds at most `byteLimit` bytes, what it
/// remembers of files among them; what was not asked for the longest goes first.
///
/// Contents are told apart by 128 bits of SipHash under a key of the process, which nobody who
/// writes files can know.
public final class MediaCache<Value: Sendable>: Sendable {
    /// Bytes that are kept.
    public let byteLimit: Int
    private let state = Mutex(State())
    private let size: @Sendable (Value) -> Int

    private struct Fingerprint: Hashable {
        let low: Int
        let high: Int
        let bytes: Int
    }

    /// A clip may be asked for as a clip and as a sound.
    private struct Key: Hashable {
        let modality: Modality
        let contents: Fingerprint
    }

    /// A file as it was when it was read; one that has changed since is read again.
    private struct FileState: Hashable {
        let device: UInt
        let inode: UInt
        let bytes: Int
        let seconds: Int
        let nanoseconds: Int
    }

    private struct State {
        var fingerprints = RecentValues<FileState, Fingerprint>()
        var values = RecentValues<Key, Value>()
        var hits = 0

        mutating func value(of key: Key) -> Value? {
            let found = values.find(key)
            if found != nil { hits += 1 }
            return found
        }
    }

    /// Bytes of a file's state and fingerprint in the two tables of `RecentValues`.
    private static var fileBytes: Int { 192 }
    /// For fingerprints: they save reading, not decoding.
    private var fingerprintLimit: Int { byteLimit / 8 }

    /// An empty cache.
    ///
    /// - Parameter size: the bytes that a value takes
    public init(byteLimit: Int, size: @escaping @Sendable (Value) -> Int) {
        precondition(byteLimit >= 0, "MediaCache: \(byteLimit) bytes")
        (self.byteLimit, self.size) = (byteLimit, size)
    }

    /// How many were asked for and found, and the bytes held now.
    public var use: (hits: Int, bytes: Int) {
        state.withLock { ($0.hits, $0.values.bytes + $0.fingerprints.bytes) }
    }

    /// The decoded medium: from here, or made by `decode` from its file's path.
    ///
    /// - Throws: `DatasetError.badMedium`, and what `decode` throws
    public func value(
        of medium: MediaReference, decode: (String) throws -> Value
    ) throws -> Value {
        try medium.withPath { path in
            let key = Key(modality: medium.modality, contents: try fingerprint(of: path))
            if let value = state.withLock({ $0.value(of: key) }) { return value }
            let value = try decode(path)
            let bytes = size(value)
            state.withLock {
                $0.values.insert(
                    value, of: bytes, for: key, limit: byteLimit - $0.fingerprints.bytes)
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
        if isLasting, let known = state.withLock({ $0.fingerprints.find(file) }) { return known }
        var (low, high) = (Hasher(), Hasher())
        high.combine(1)
        let contents = try ByteFile(path)
        try contents.forEachPiece { piece, _ in
            low.combine(bytes: UnsafeRawBufferPointer(piece))
            high.combine(bytes: UnsafeRawBufferPointer(piece))
        }
        let found = Fingerprint(
            low: low.finalize(), high: high.finalize(), bytes: contents.count)
        guard isLasting else { return found }
        state.withLock {
            $0.fingerprints.insert(
                found, of: MediaCache.fileBytes, for: file, limit: fingerprintLimit)
            $0.values.makeRoom(upTo: byteLimit - $0.fingerprints.bytes)
        }
        return found
    }
}
