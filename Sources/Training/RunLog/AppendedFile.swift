import Glibc

/// A file that grows by whole pieces, each of which is with the system when `append` returns: what
/// was noted before a process is killed is there.
final class AppendedFile: Sendable {
    let path: String
    private let descriptor: Int32

    /// Opens a file at its end, or makes it.
    ///
    /// - Throws: `TrainingLogError.unwritable`
    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw TrainingLogError.unwritable(file: path, code: errno) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Adds a piece by one write.
    ///
    /// - Throws: `TrainingLogError.unwritable`, also where only a part had room
    func append(_ bytes: [UInt8]) throws {
        let written = write(descriptor, bytes, bytes.count)
        guard written == bytes.count else {
            throw TrainingLogError.unwritable(file: path, code: written < 0 ? errno : ENOSPC)
        }
    }
}
