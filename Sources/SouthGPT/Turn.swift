public import Dialogue
import FoundationEssentials
import ModelZoo
import TensorCore

/// A turn of a conversation that is handed in whole, as clients of a server do with each request.
public struct Turn: Sendable, Equatable {
    /// A piece of a turn, in reading order.
    public enum Piece: Sendable, Equatable {
        case text(String)
        case medium(MediumFile)
    }

    public var role: Role
    public var pieces: [Piece]

    /// A turn of several pieces.
    public init(_ role: Role, _ pieces: [Piece]) {
        self.role = role
        self.pieces = pieces
    }
}

/// Names media by what is in their files, so that one that comes again is not encoded again and
/// what was computed with it still counts.
enum MediumDigest {
    /// - Throws: nothing: a file that cannot be read gets a name of its own, and its error when it
    ///   is encoded
    static func name(_ file: MediumFile) -> String {
        guard let bytes = FileManager.default.contents(atPath: file.path) else { return file.path }
        var hash = SHA256()
        bytes.withUnsafeBytes { hash.update($0) }
        return "\(file.modality.rawValue) \(hash.hexadecimal)"
    }
}
