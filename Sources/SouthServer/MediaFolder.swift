public import FoundationEssentials

/// The one folder that the server reads media from and writes them to, under random names.
///
/// A client never names a path: it uploads, receives a name of 32 hexadecimal digits, and uses
/// that. Any other name is refused before the file system is asked, so a name can lead neither out
/// of the folder nor to what another client did not share.
public struct MediaFolder: Sendable {
    /// Where the files lie.
    public let path: String

    /// File name endings that are accepted, by what they hold.
    static let extensions: Set<String> = [
        "png", "jpg", "jpeg", "wav", "flac", "ogg", "mp4", "mov", "webm",
    ]

    /// Makes the folder where it is missing, readable by its owner alone.
    public init(path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw ServerError.unwritable(folder: path, reason: "\(error)")
        }
        self.path = path
    }

    /// Writes a file under a new name, which it returns.
    ///
    /// - Parameter type: the ending, such as `png`
    public func store(_ bytes: Data, type: String) throws -> String {
        guard MediaFolder.extensions.contains(type) else {
            throw ServerError.invalid(
                field: "type",
                problem: "is '\(type)', expected one of "
                    + MediaFolder.extensions.sorted().joined(separator: ", "))
        }
        let name = newName(type: type)
        do {
            // Written beside its place and renamed: a reader sees all of it or nothing.
            try bytes.write(to: URL(filePath: "\(path)/\(name)"), options: .atomic)
        } catch {
            throw ServerError.unwritable(folder: path, reason: "\(error)")
        }
        return name
    }

    /// A name that no client can guess: 128 bits from the system's generator.
    public func newName(type: String) -> String {
        let digits = (0..<32).map { _ in String(Int.random(in: 0..<16), radix: 16) }
        return digits.joined() + "." + type
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
}
