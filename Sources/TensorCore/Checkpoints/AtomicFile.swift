import Glibc

/// A file that appears whole or not at all.
///
/// Bytes go to a temporary name in the same folder; `commit` moves it into place. Without a commit
/// (an error, a cancelled task) the temporary file is removed and what was there before remains.
/// A library that writes by path may write to `temporaryPath`, whose ending is the file's own.
public final class AtomicFile {
    /// Where the file will be.
    public let path: String
    /// Where its bytes are until then.
    public let temporaryPath: String
    /// Bytes written so far.
    public private(set) var offset = 0

    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var finished = false

    /// Starts a file.
    ///
    /// - Throws: `CheckpointError.unwritable` where its folder is missing or closed to us
    public init(_ path: String) throws {
        self.path = path
        let cut = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        let ending = path[cut...].lastIndex(of: ".").map { String(path[$0...]) } ?? ""
        let mark = String(UInt64.random(in: 0 ... .max), radix: 36)
        temporaryPath = path[..<cut] + ".\(path[cut...].dropLast(ending.count)).\(mark)\(ending)"
        descriptor = open(temporaryPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard cut < path.endIndex, descriptor >= 0 else {
            throw AtomicFile.failure(path, code: cut < path.endIndex ? errno : EISDIR)
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        if !finished, descriptor >= 0 { unlink(temporaryPath) }
    }

    private static func failure(_ path: String, code: Int32 = errno) -> CheckpointError {
        .unwritable(file: path, reason: String(cString: strerror(code)))
    }

    /// Writes a file by `body`, and commits it unless that throws.
    public static func write<Result>(
        to path: String, _ body: (AtomicFile) throws -> Result
    ) throws -> Result {
        let file = try AtomicFile(path)
        let result = try body(file)
        try file.commit()
        return result
    }

    /// Adds bytes at the end.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        offset += bytes.count
        if bytes.count + buffer.count < 1 << 18 {
            buffer.append(contentsOf: bytes)
        } else {
            try flush()
            try put(bytes)
        }
    }

    /// Adds bytes at the end.
    public func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }

    /// Adds a text at the end, in UTF-8.
    public func write(_ text: String) throws { try write(Array(text.utf8)) }

    /// Replaces bytes that were written before.
    func overwrite(at position: Int, _ bytes: [UInt8]) throws {
        precondition(position + bytes.count <= offset, "overwrite beyond the end")
        try flush()
        guard pwrite(descriptor, bytes, bytes.count, off_t(position)) == bytes.count else {
            throw AtomicFile.failure(path)
        }
    }

    private func flush() throws {
        try buffer.withUnsafeBytes { try put($0) }
        buffer.removeAll(keepingCapacity: true)
    }

    private func put(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while let start = UnsafeRawBufferPointer(rebasing: rest).baseAddress, !rest.isEmpty {
            let written = Glibc.write(descriptor, start, min(rest.count, 1 << 30))
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw AtomicFile.failure(path) }
            rest = rest.dropFirst(written)
            // A long file is given up at once when its task is cancelled.
            try Task.checkCancellation()
        }
    }

    /// Makes the file appear under its name, replacing what was there.
    ///
    /// - Throws: `CheckpointError.unwritable`, or `CancellationError` in a cancelled task; the
    ///   temporary file is then removed
    public func commit() throws {
        precondition(!finished, "\(path): committed twice")
        try flush()
        try Task.checkCancellation()
        guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else {
            throw AtomicFile.failure(path)
        }
        finished = true
    }
}
