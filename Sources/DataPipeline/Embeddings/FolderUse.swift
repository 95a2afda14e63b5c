import FoundationEssentials
import Glibc
import TensorCore

/// That a folder is being filled, for as long as this lives: several processes may fill one, and what
/// a killed one left half written may go only while no other is at work.
final class FolderUse: Sendable {
    private let descriptor: Int32

    /// Marks a folder as in use. Where nobody else uses it, files that were being written go first; the
    /// embeddings themselves never have a name of that form.
    ///
    /// A file system without locks is no error: nothing is removed there.
    init(of folder: String) {
        descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            for name in names where FolderUse.isTemporary(name) { unlink("\(folder)/\(name)") }
        }
        _ = flock(descriptor, LOCK_SH)
    }

    deinit {
        if descriptor >= 0 { closeUnlocking(descriptor) }
    }

    /// Whether `AtomicFile` names a file so while it is written: `.NAME.MARK.npy`, the mark a random
    /// number of 64 bits in base 36, which has less than eight digits once in 200 million times.
    static func isTemporary(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0].isEmpty, parts[parts.count - 1] == "npy" else {
            return false
        }
        let mark = parts[parts.count - 2].utf8
        return (8...13).contains(mark.count)
            && mark.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }
    }
}
