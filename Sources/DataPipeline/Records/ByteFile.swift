import Glibc

/// A file read by place, as little of it as is asked for: datasets are larger than memory, and a
/// mapping of one that another program cuts short would end the process.
final class ByteFile: Sendable {
    /// Its path.
    let path: String
    /// Bytes in it when it was opened.
    let count: Int
    private let descriptor: Int32

    /// Opens an ordinary file; folders, pipes and devices are refused.
    ///
    /// - Throws: `DatasetError.unreadable`
    init(_ path: String) throws {
        self.path = path
        // A pipe would otherwise be waited for.
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        var reason = descriptor < 0 ? systemReason() : ""
        var status = stat()
        if descriptor >= 0, fstat(descriptor, &status) != 0 { reason = systemReason() }
        if reason.isEmpty, status.st_mode & S_IFMT != S_IFREG {
            reason =
                status.st_mode & S_IFMT == S_IFDIR ? "it is a folder" : "it is no ordinary file"
        }
        count = Int(status.st_size)
        if !reason.isEmpty {
            throw DatasetError.unreadable(file: path, reason: reason)
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// The bytes of a range.
    ///
    /// - Throws: `DatasetError` where the file ends before, or the disk fails
    func bytes(_ range: Range<Int>) throws -> [UInt8] {
        let size = range.count
        var failure: (any Error)?
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            do {
                try read(into: UnsafeMutableRawBufferPointer(buffer), at: range.lowerBound)
                filled = size
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    private func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        var done = 0
        while done < buffer.count, let start = buffer.baseAddress {
            let got = pread(descriptor, start + done, buffer.count - done, off_t(offset + done))
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else {
                throw DatasetError.unreadable(file: path, reason: systemReason())
            }
            guard got > 0 else {
                throw DatasetError.malformed(
                    file: path, line: nil, found: "an end after \(offset + done) bytes",
                    expected: "\(offset + buffer.count) or more",
                    mend: "Was the file changed while it was read?")
            }
            done += got
        }
    }

    /// All bytes in turn, in pieces; `body` also learns where a piece begins. Stops with the task.
    func forEachPiece(_ body: (UnsafeBufferPointer<UInt8>, Int) throws -> Void) throws {
        posix_fadvise(descriptor, 0, 0, Int32(POSIX_FADV_SEQUENTIAL))
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { piece.deallocate() }
        var offset = 0
        while offset < count {
            try Task.checkCancellation()
            let size = min(piece.count, count - offset)
            let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<size])
            try read(into: part, at: offset)
            try body(UnsafeBufferPointer(part.assumingMemoryBound(to: UInt8.self)), offset)
            offset += size
        }
    }
}

/// What the system says of the last call that failed.
func systemReason() -> String { String(cString: strerror(errno)).lowercased() }
