import FoundationEssentials
import SouthGPT
import TensorCore

extension EvaluationRun.Subject {
    /// What tells the files of a model from others: their names and sizes, and how each begins and
    /// ends. Training moves all of a tensor, so that a look at both ends is enough, and weights of any
    /// size cost milliseconds.
    ///
    /// - Throws: `ModelError`, `CheckpointError`
    func fingerprint() throws -> String {
        let places =
            switch self {
            case .encoder(let folder): [folder]
            case .model(let model):
                try model.folder.manifest.components.keys.sorted().map {
                    try model.folder.path(of: $0)
                }
            }
        var hash = SHA256()
        for place in places {
            for file in try EvaluationRun.Subject.files(in: place) {
                hash.update("\(file.name)\n")
                try EvaluationRun.Subject.addEnds(of: file.path, to: &hash)
            }
        }
        return String(hash.hexadecimal.prefix(12))
    }

    /// The files of a folder, or a file itself.
    private static func files(in place: String) throws -> [(name: String, path: String)] {
        var isFolder = false
        guard FileManager.default.fileExists(atPath: place, isDirectory: &isFolder), isFolder else {
            return [("", place)]
        }
        do {
            return try FileManager.default.subpathsOfDirectory(atPath: place).sorted()
                .map { ($0, "\(place)/\($0)") }
                .filter {
                    _ = FileManager.default.fileExists(atPath: $0.1, isDirectory: &isFolder)
                    return !isFolder
                }
        } catch {
            throw CheckpointError.unreadable(file: place, reason: "it cannot be listed")
        }
    }

    private static func addEnds(of path: String, to hash: inout SHA256) throws {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        guard attributes?[.size] as? UInt64 != 0 else { return }
        let file = try MappedFile(path)
        hash.update("\(file.bytes.count)\n")
        let end = min(file.bytes.count, 1 << 16)
        hash.update(UnsafeRawBufferPointer(rebasing: file.bytes.prefix(end)))
        hash.update(UnsafeRawBufferPointer(rebasing: file.bytes.suffix(end)))
    }
}
