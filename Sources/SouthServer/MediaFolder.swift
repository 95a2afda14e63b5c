public import FoundationEssentials
import ModelZoo
import SouthGPT
import Synchronization
import TensorCore

/// The one folder that the server reads media from and writes them to, under names that nobody can
/// guess.
///
/// A client never names a path: it uploads, receives a name of 32 hexadecimal digits, and uses
/// that. Any other name is refused before the file system is asked, so a name can lead neither out
/// of the folder nor to what another client did not share. Bytes that come again are the same file,
/// and the folder has a limit: the oldest files go for new ones.
public final class MediaFolder: Sendable {
    /// Where the files lie.
    public let path: String
    private let limits: ServerLimits
    /// Makes names of uploads from their bytes, which nobody else can.
    private let secret = (0..<32).map { _ in UInt8.random(in: 0...255) }
    /// Bytes of all files.
    private let used: Mutex<Int>

    /// File name endings that are accepted.
    static let extensions: Set<String> = [
        "png", "jpg", "jpeg", "webp", "gif", "wav", "flac", "ogg", "mp3", "mp4", "mov", "webm",
    ]

    /// Makes the folder where it is missing, readable by its owner alone.
    public init(path: String, limits: ServerLimits = ServerLimits()) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw ServerError.unwritable(folder: path, reason: "\(error)")
        }
        self.path = path
        self.limits = limits
        used = Mutex(MediaFolder.files(in: path).reduce(0) { $0 + $1.bytes })
    }

    /// Writes a file, unless its bytes are there already; its name.
    ///
    /// - Parameter type: the ending, such as `png`
    /// - Throws: `ServerError`
    public func store(_ bytes: Data, type: String) throws -> String {
        guard bytes.count <= limits.mediaBytes else {
            throw ServerError.tooLarge(
                what: "the file, in bytes,", found: bytes.count, limit: limits.mediaBytes)
        }
        guard MediaFolder.extensions.contains(type) else {
            throw ServerError.invalid(
                field: "type",
                problem: "is '\(type)', expected one of "
                    + MediaFolder.extensions.sorted().joined(separator: ", "))
        }
        var hash = SHA256()
        secret.withUnsafeBytes { hash.update($0) }
        bytes.withUnsafeBytes { hash.update($0) }
        let name = "\(hash.hexadecimal.prefix(32)).\(type)"
        if (try? file(name)) != nil { return name }
        return try write(name, bytes.count) {
            // Written beside its place and renamed: a reader sees all of it or nothing.
            try bytes.write(to: URL(filePath: $0), options: .atomic)
        }
    }

    /// Writes a medium that was made under a new name, which it returns.
    func store(_ medium: GeneratedMedium) throws -> String {
        let name = "\(newName()).\(medium.fileExtension)"
        return try write(name, nil) { try medium.write(to: $0) }
    }

    /// - Parameter size: bytes that it will take; nil where that shows only then
    private func write(
        _ name: String, _ size: Int?, _ write: (String) throws -> Void
    ) throws -> String {
        try used.withLock { used in
            makeRoom(for: size ?? 0, &used)
            do {
                try write("\(path)/\(name)")
            } catch {
                throw ServerError.unwritable(folder: path, reason: "\(error)")
            }
            used += size ?? MediaFolder.size(of: "\(path)/\(name)")
            return name
        }
    }

    /// Removes the oldest files while there is no room for so many bytes more.
    private func makeRoom(for bytes: Int, _ used: inout Int) {
        guard used + bytes > limits.folderBytes else { return }
        for file in MediaFolder.files(in: path).sorted(by: { $0.date < $1.date }) {
            guard used + bytes > limits.folderBytes else { return }
            guard (try? FileManager.default.removeItem(atPath: file.path)) != nil else { continue }
            used -= file.bytes
        }
    }

    private static func size(of path: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return attributes?[.size] as? Int ?? 0
    }

    private static func files(in folder: String) -> [(path: String, bytes: Int, date: Date)] {
        let files = FileManager.default
        return ((try? files.contentsOfDirectory(atPath: folder)) ?? []).compactMap { name in
            let path = "\(folder)/\(name)"
            guard let attributes = try? files.attributesOfItem(atPath: path),
                attributes[.type] as? FileAttributeType == .typeRegular,
                let date = attributes[.modificationDate] as? Date
            else { return nil }
            return (path, attributes[.size] as? Int ?? 0, date)
        }
    }

    /// A name that no client can guess: 128 bits from the system's generator.
    func newName() -> String {
        (0..<32).map { _ in String(Int.random(in: 0..<16), radix: 16) }.joined()
    }

    /// The path of the file of that name.
    ///
    /// - Throws: `ServerError.noSuchMedia` for every name that `store` did not return
    public func file(_ name: String) throws -> String {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let hexadecimal = Set("0123456789abcdef")
        guard parts.count == 2, parts[0].count == 32, parts[0].allSatisfy(hexadecimal.contains),
            MediaFolder.extensions.contains(String(parts[1]))
        else { throw ServerError.noSuchMedia(name: name) }
        let file = "\(path)/\(name)"
        // The attributes of the entry itself: a link is not what `store` wrote.
        let attributes = try? FileManager.default.attributesOfItem(atPath: file)
        guard attributes?[.type] as? FileAttributeType == .typeRegular else {
            throw ServerError.noSuchMedia(name: name)
        }
        return file
    }

    /// The path of a medium in a request: one that was uploaded or made, or data, which are written
    /// first. No other address is ever followed.
    ///
    /// - Throws: `ServerError`
    func path(_ modality: Modality, _ source: String) throws -> String {
        let stored = "/v1/media/"
        if source.hasPrefix(stored) { return try file(String(source.dropFirst(stored.count))) }
        guard source.hasPrefix("data:") else {
            guard !source.contains(":"), !source.contains("/") else {
                throw ServerError.invalid(
                    field: "\(modality.rawValue)_url",
                    problem: "is no data: URL and no name that an upload returned; "
                        + "no other address is fetched")
            }
            return try file(source)
        }
        let pieces = source.dropFirst(5).split(
            separator: ",", maxSplits: 1, omittingEmptySubsequences: false)
        guard pieces.count == 2, pieces[0].hasSuffix(";base64"),
            pieces[1].utf8.count <= limits.mediaBytes / 3 * 4 + 4,
            let bytes = Data(base64Encoded: String(pieces[1]), options: .ignoreUnknownCharacters)
        else {
            throw ServerError.invalid(
                field: "\(modality.rawValue)_url",
                problem: "is no data: URL in base64 of at most \(limits.mediaBytes) bytes")
        }
        let type = pieces[0].split(separator: ";").first.map(String.init) ?? ""
        return try file(store(bytes, type: MediaFolder.ending(of: type, modality)))
    }

    /// The ending for a media type such as `audio/x-wav`: what a file is shows when it is read.
    static func ending(of type: String, _ modality: Modality) -> String {
        let kind = type.split(separator: "/").last.map(String.init) ?? ""
        let names = [
            "jpeg": "jpg", "mpeg": "mp3", "quicktime": "mov", "wave": "wav", "x-wav": "wav",
            "x-flac": "flac",
        ]
        let ending = names[kind] ?? kind
        return extensions.contains(ending) ? ending : modality.fileExtension
    }

    /// Removes files that are older than the limits let them be.
    func removeOldFiles() {
        let oldest = Date(timeIntervalSinceNow: -Double(limits.mediaSeconds))
        used.withLock { used in
            for file in MediaFolder.files(in: path) where file.date < oldest {
                guard (try? FileManager.default.removeItem(atPath: file.path)) != nil else {
                    continue
                }
                used -= file.bytes
            }
        }
    }
}
