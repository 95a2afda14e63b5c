import Glibc

/// A file mapped into memory to be read; unmapped when the last tensor over it is gone.
///
/// The pages are the file's own: they count as memory only once touched, and the system may drop
/// them again.
package final class MappedFile: @unchecked Sendable {
    /// The path it was opened by, for messages.
    package let path: String
    /// All of its bytes; valid as long as this object lives.
    package let bytes: UnsafeRawBufferPointer

    /// Maps a regular file that is not empty.
    ///
    /// - Throws: `CheckpointError.unreadable`, or `.malformed` for an empty file
    package init(_ path: String) throws {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw MappedFile.failure(path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw MappedFile.failure(path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw CheckpointError.unreadable(file: path, reason: "it is not a regular file")
        }
        guard let size = Int(exactly: status.st_size), size > 0 else {
            throw CheckpointError.malformed(file: path, rule: "the file is empty")
        }
        guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0),
            start != MAP_FAILED
        else { throw MappedFile.failure(path) }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
    }

    /// Bytes that what lies in it may take in memory, all of it together, where a format lets less
    /// stand for more: deflated entries, repeated elements. Small files may hold 64 MiB of zeros.
    var mostExpanded: Int { 64 * bytes.count + (64 << 20) }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    }

    private static func failure(_ path: String) -> CheckpointError {
        .unreadable(file: path, reason: String(cString: strerror(errno)))
    }

    /// `count` bytes at `offset`.
    ///
    /// - Parameter what: what lies there, for the message
    /// - Throws: `CheckpointError.malformed` where the file ends before
    package func window(_ offset: Int, _ count: Int, of what: String) throws
        -> UnsafeRawBufferPointer
    {
        let (end, overflow) = offset.addingReportingOverflow(count)
        guard offset >= 0, count >= 0, !overflow, end <= bytes.count else {
            throw CheckpointError.malformed(
                file: path,
                rule: "\(what) needs bytes \(offset) to \(overflow ? "beyond 2⁶³" : "\(end)"), "
                    + "the file has \(bytes.count)")
        }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
    }

    /// Lets the system take back the pages that lie wholly within a range; they are read from the
    /// file again when they are touched.
    package func forget(_ range: Range<Int>) {
        let page = Int(getpagesize())
        let start = (range.lowerBound + page - 1) / page * page
        let end = range.upperBound / page * page
        guard start < end, let base = bytes.baseAddress else { return }
        madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, MADV_DONTNEED)
    }

    /// Dense elements that lie at `offset`: a view of the mapping where they are aligned to their
    /// own size, a copy where not.
    package func tensor(
        at offset: Int, _ dtype: DType, _ shape: Shape, of what: String
    ) throws -> Tensor {
        guard let count = shape.checkedElementCount, (shape.last ?? 1) % dtype.blockSize == 0,
            !(count / dtype.blockSize).multipliedReportingOverflow(by: dtype.blockByteCount)
                .overflow
        else {
            throw CheckpointError.malformed(
                file: path, rule: "\(what) has the impossible shape \(shape)")
        }
        let window = try window(offset, dtype.byteCount(of: count), of: what)
        // Kernels read blocks at any address.
        let alignment = dtype.isBlocked ? 1 : dtype.byteCount
        let aligned = UInt(bitPattern: window.baseAddress) % UInt(alignment) == 0
        let storage =
            aligned ? HostStorage(window: window, owner: self) : HostStorage(copying: window)
        return Tensor(storage: storage, device: .cpu, dtype: dtype, shape: shape)
    }
}

extension HostStorage {
    /// A copy of those bytes, aligned.
    convenience init(copying bytes: UnsafeRawBufferPointer) {
        self.init(byteCount: bytes.count)
        if let source = bytes.baseAddress, bytes.count > 0 {
            hostPointer?.copyMemory(from: source, byteCount: bytes.count)
        }
    }
}
