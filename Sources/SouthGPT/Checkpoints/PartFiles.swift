import FoundationEssentials
import Glibc
import TensorCore

/// The files of a part of a model, which is a folder or a file itself.
package struct PartFiles {
    /// Each file's name in the folder, in order, and its path.
    let files: [(name: String, path: String)]

    /// Lists them.
    ///
    /// - Throws: `CheckpointError.unreadable`
    package init(at place: String) throws {
        guard FileManager.default.isFolder(place) else {
            files = [("", place)]
            return
        }
        guard let names = try? FileManager.default.subpathsOfDirectory(atPath: place) else {
            throw CheckpointError.unreadable(file: place, reason: "it cannot be listed")
        }
        files = names.sorted().map { ($0, "\(place)/\($0)") }
            .filter { !FileManager.default.isFolder($0.path) }
    }

    /// What tells these files from others in their place: small ones by all that is in them, large
    /// ones by their tensors' ends, if they have tensors.
    ///
    /// - Parameter wholeUpTo: the most bytes of a small one
    /// - Throws: `CheckpointError`
    package func fingerprint(wholeUpTo: Int = 64 << 20) throws -> String {
        var hash = SHA256()
        for (name, path) in files {
            let isSmall = byteCount(of: path) ?? 0 <= wholeUpTo
            let checkpoint = isSmall ? nil : try? Checkpoint(contentsOf: path)
            let mark = try checkpoint?.fingerprint() ?? SHA256.hash(file: path)
            hash.update("\(name) \(mark)\n")
        }
        return String(hash.hexadecimal.prefix(12))
    }
}

/// How long a file is; nil where it cannot be asked.
private func byteCount(of path: String) -> Int? {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : nil
}

extension SHA256 {
    /// The hash of a file's bytes, in hexadecimal digits.
    ///
    /// - Throws: `CheckpointError.unreadable`
    static func hash(file: String) throws -> String {
        var hash = SHA256()
        // An empty file cannot be mapped.
        if byteCount(of: file) == 0 { return hash.hexadecimal }
        let mapped = try MappedFile(file)
        let step = 1 << 24
        for start in stride(from: 0, to: mapped.bytes.count, by: step) {
            let end = min(start + step, mapped.bytes.count)
            hash.update(UnsafeRawBufferPointer(rebasing: mapped.bytes[start..<end]))
            mapped.forget(start..<end)
        }
        return hash.hexadecimal
    }
}
