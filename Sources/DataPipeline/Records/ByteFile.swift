import Glibc
import MediaIO

/// A file read by place, as little of it as is asked for: datasets are larger than memory, and a
/// mapping of one that another program cuts short would end the process.
final class ByteFile: Sendable {
    /// Its path.
    let path: String
    /// Bytes in it when it was opened.
    let count: Int
    private let identity: [UInt]
    private let files: OpenFiles

    /// Opens an ordinary file; folders, pipes and devices are refused.
    ///
    /// - Parameter files: those that it shares its right to be open with
    /// - Throws: `DatasetError.unreadable`
    init(_ path: String, among files: OpenFiles = OpenFiles(limit: 1)) throws {
        (self.path, self.files) = (path, files)
        let file = try files.file(path)
        (identity, count) = (file.identity, file.count)
    }

    private func opened() throws -> OpenFile {
        let file = try files.file(path)
        guard file.identity == identity else { throw changed("another file") }
        return file
    }

    private func changed(_ found: String) -> DatasetError {
        .malformed(
            file: path, line: nil, found: found, expected: "the \(count) bytes that were there",
            mend: "Was the file changed while it was read?")
    }

    /// The bytes of a range.
    ///
    /// - Throws: `DatasetError` where the file ends before, or the disk fails
    func bytes(_ range: Range<Int>) throws -> [UInt8] {
        let (size, file) = (range.count, try opened())
        var failure: (any Error)?
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            do {
                try read(
                    file, into: UnsafeMutableRawBufferPointer(buffer), at: range.lowerBound)
                filled = size
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    private func read(
        _ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws {
        var done = 0
        while done < buffer.count, let start = buffer.baseAddress {
            let got = pread(
                file.descriptor, start + done, buffer.count - done, off_t(offset + done))
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else {
                throw DatasetError.unreadable(file: path, reason: systemReason())
            }
            guard got > 0 else {
                throw changed("an end after \(offset + done) bytes")
            }
            done += got
        }
    }

    /// All bytes in turn, in pieces; `body` also learns where a piece begins. Stops with the task.
    func forEachPiece(_ body: (UnsafeBufferPointer<UInt8>, Int) throws -> Void) throws {
        let file = try opened()
        posix_fadvise(file.descriptor, 0, 0, Int32(POSIX_FADV_SEQUENTIAL))
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { piece.deallocate() }
        var offset = 0
        while offset < count {
            try Task.checkCancellation()
            let size = min(piece.count, count - offset)
            let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<size])
            try read(file, into: part, at: offset)
            try body(UnsafeBufferPointer(part.assumingMemoryBound(to: UInt8.self)), offset)
            offset += size
        }
    }
}
