public import FoundationEssentials
import ModelZoo
import SouthGPT

/// The one folder that the server reads media from and writes them to, under random names.
///
/// A client never names a path: it uploads, receives a name of 32 hexadecimal digits, and uses
/// that. Any other name is refused before the file system is asked, so a name can lead neither out
/// of the folder nor to what another client did not share.
public struct MediaFolder: Sendable {
    /// Where the files lie.
    public let path: String
    /// Bytes of one file at most.
    let limit: Int

    /// File name endings that are accepted.
    static let extensions: Set<String> = [
        "png", "jpg", "jpeg", "webp", "gif", "wav", "flac", "ogg", "mp3", "mp4", "mov", "webm",
    ]

    /// Makes the folder where it is missing, readable by its owner alone.
    public init(path: String, limit: Int = ServerLimits().mediaBytes) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw ServerError.unwritable(folder: path, reason: "\(error)")
        }
        self.path = path
        self.limit = limit
    }

    /// Writes a file under a new name, which it returns.
    ///
    /// - Parameter type: the ending, such as `png`
    /// - Throws: `ServerError`
    public func store(_ bytes: Data, type: String) throws -> String {
        guard bytes.count <= limit else {
            throw ServerError.tooLarge(
                what: "the file, in bytes,", found: bytes.count, limit: limit)
        }
        guard MediaFolder.extensions.contains(type) else {
            throw ServerError.invalid(
                field: "type",
                problem: "is '\(type)', expected one of "
                    + MediaFolder.extensions.sorted().joined(separator: ", "))
        }
        let name = "\(newName()).\(type)"
        do {
            // Written beside its place and renamed: a reader sees all of it or nothing.
            try bytes.write(to: URL(filePath: "\(path)/\(name)"), options: .atomic)
        } catch {
            throw ServerError.unwritable(folder: path, reason: "\(error)")
        }
        return name
    }

    /// Writes a medium that was made under a new name, which it returns.
    func store(_ medium: GeneratedMedium) throws -> String {
        let name = "\(newName()).\(medium.fileExtension)"
        try medium.write(to: "\(path)/\(name)")
        return name
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
            pieces[1].utf8.count <= limit / 3 * 4 + 4,
            let bytes = Data(base64Encoded: String(pieces[1]), options: .ignoreUnknownCharacters)
        else {
            throw ServerError.invalid(
                field: "\(modality.rawValue)_url",
                problem: "is no data: URL in base64 of at most \(limit) bytes")
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

    /// Removes files that are older than `seconds`.
    func removeFiles(olderThan seconds: Int) {
        let files = FileManager.default
        let oldest = Date(timeIntervalSinceNow: -Double(seconds))
        for name in (try? files.contentsOfDirectory(atPath: path)) ?? [] {
            guard let file = try? file(name),
                let date = try? files.attributesOfItem(atPath: file)[.modificationDate] as? Date,
                date < oldest
            else { continue }
            try? files.removeItem(atPath: file)
        }
    }
}
