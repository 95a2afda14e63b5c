import Glibc
import MediaIO
import Synchronization

/// An open file. It is closed when nobody reads it any more.
final class OpenFile: Sendable {
    let descriptor: Int32
    /// Bytes in it when it was opened.
    let count: Int
    /// What tells it from a file that took its name.
    let identity: [UInt]

    /// Opens an ordinary file; folders, pipes and devices are refused.
    ///
    /// - Throws: `DatasetError.unreadable`
    init(_ path: String) throws {
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
        identity = [UInt(status.st_dev), UInt(status.st_ino)]
        if !reason.isEmpty { throw DatasetError.unreadable(file: path, reason: reason) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }
}

/// The files of a dataset that are open: not more than the limit, for a dataset may have more shards
/// than a process may have open files. The one that was not read the longest is closed first.
final class OpenFiles: Sendable {
    private let limit: Int
    /// The one read last at the end.
    private let open = Mutex<[(path: String, file: OpenFile)]>([])

    init(limit: Int) {
        precondition(limit > 0, "OpenFiles: \(limit)")
        self.limit = limit
    }

    /// The file of a path, opened where it is not; whoever holds it can read it though it is closed
    /// for others.
    ///
    /// - Throws: `DatasetError.unreadable`
    func file(_ path: String) throws -> OpenFile {
        let known = open.withLock { open -> OpenFile? in
            guard let place = open.lastIndex(where: { $0.path == path }) else { return nil }
            if place < open.count - 1 { open.append(open.remove(at: place)) }
            return open[open.count - 1].file
        }
        if let known { return known }
        let file = try OpenFile(path)
        open.withLock { open in
            if open.count >= limit { open.removeFirst() }
            open.append((path, file))
        }
        return file
    }
}
