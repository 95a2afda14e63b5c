import Glibc
import MediaIO
public import ModelZoo

/// A medium that a dataset names: a file in the dataset's folder of media, or in a shard.
public struct MediaReference: Hashable, Sendable {
    /// What it is.
    public let modality: Modality
    /// Its name, as the dataset gives it.
    public let name: String
    private let location: Location

    private enum Location: Hashable, Sendable {
        /// The first of these names that is there, under the folder.
        case folder(String, names: [String])
        case archive(ArchiveMember)
    }

    /// A file in a folder.
    ///
    /// - Parameter alternatives: other names that it may have there, in order
    public init(
        _ modality: Modality, _ name: String, in folder: String, alternatives: [String] = []
    ) {
        (self.modality, self.name) = (modality, name)
        location = .folder(folder, names: [name] + alternatives.filter { $0 != name })
    }

    init(_ modality: Modality, _ member: ArchiveMember) {
        (self.modality, name) = (modality, member.name)
        location = .archive(member)
    }

    /// Gives `body` a path to read the medium from, valid until it returns.
    ///
    /// - Throws: `DatasetError.badMedium` where it is not there, or would be outside its folder by
    ///   `..` or a link; what `body` throws
    public func withPath<Result>(_ body: (String) throws -> Result) throws -> Result {
        switch location {
        case .folder(let folder, let names): try body(path(in: folder, names))
        case .archive(let member): try withUnpacked(member, body)
        }
    }

    /// Whether it is there, and inside its folder.
    public var exists: Bool { (try? isThere()) ?? false }

    /// Whether it is there.
    ///
    /// - Throws: what `withPath` does, for anything but a file or folder that is not there
    func isThere() throws -> Bool {
        switch location {
        case .folder(let folder, let names):
            for name in names { try check(name) }
            guard let root = try root(folder) else { return false }
            return try found(in: root, folder, names) != nil
        case .archive: return true
        }
    }

    /// The first of its names that is there, seen from its folder; nil where none is.
    package var foundName: String? {
        guard case .folder(let folder, let names) = location else { return name }
        return names.first { MediaReference(modality, $0, in: folder).exists }
    }

    private func path(in folder: String, _ names: [String]) throws -> String {
        for name in names { try check(name) }
        guard let root = try root(folder) else {
            throw fault(
                "no folder '\(folder)'", expected: "the dataset's media there",
                mend: "Is mm_root_path in the catalog right?")
        }
        if let path = try found(in: root, folder, names) { return path }
        throw fault(
            "no such file in '\(folder)'", expected: "one",
            mend: "Download it, or let southgpt-preprocess leave the record out.")
    }

    /// The folder without links; nil where it is not there.
    private func root(_ folder: String) throws -> String? { try resolved(folder, in: folder) }

    /// The first of its names that is there; nil where none is.
    private func found(in root: String, _ folder: String, _ names: [String]) throws -> String? {
        for name in names {
            guard let path = try resolved("\(root)/\(name)", in: folder) else { continue }
            guard path.hasPrefix(root == "/" ? root : "\(root)/") else {
                throw fault(
                    "a link that leads to '\(path)'", expected: "a file in '\(root)'",
                    mend: "Copy the file there, or make the whole folder a link.")
            }
            return path
        }
        return nil
    }

    private func closed(_ folder: String) -> DatasetError {
        fault(
            "a folder that is closed to us, in '\(folder)'", expected: "an open one",
            mend: "Change its permissions.")
    }

    private func check(_ name: String) throws {
        guard !name.isEmpty, name.utf8.count <= 4096, !name.hasPrefix("/"),
            !name.utf8.contains(0), !name.split(separator: "/").contains("..")
        else {
            throw fault(
                "a name that leaves the media folder", expected: "one within it",
                mend: "Mend or remove the record.")
        }
    }

    /// A path without links; nil for what is not there.
    private func resolved(_ path: String, in folder: String) throws -> String? {
        guard let resolved = realpath(path, nil) else {
            switch errno {
            case ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG: return nil
            case EACCES: throw closed(folder)
            default: throw DatasetError.unreadable(file: path, reason: systemReason())
            }
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private func fault(_ found: String, expected: String, mend: String) -> DatasetError {
        .badMedium(name: excerpt(name, limit: 200), found: found, expected: expected, mend: mend)
    }

    /// Codecs read files by path: the member's bytes go to a file without a name, which is gone
    /// with its descriptor whatever happens.
    private func withUnpacked<Result>(
        _ member: ArchiveMember, _ body: (String) throws -> Result
    ) throws -> Result {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(folder)/southgpt-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else {
            throw DatasetError.noScratch(folder: folder, reason: systemReason())
        }
        defer { close(descriptor) }
        unlink(template)
        let archive = try ByteFile(member.archive)
        var position = member.range.lowerBound
        while position < member.range.upperBound {
            let end = min(member.range.upperBound, position + 1 << 20)
            let bytes = try archive.bytes(position..<end)
            var done = 0
            while done < bytes.count {
                let count = bytes.withUnsafeBytes { bytes in
                    write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
                }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    throw DatasetError.noScratch(folder: folder, reason: systemReason())
                }
                done += count
            }
            position = end
        }
        return try body("/proc/self/fd/\(descriptor)")
    }
}
