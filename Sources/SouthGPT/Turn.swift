public import Dialogue
import Glibc
import ModelZoo

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

extension MediumFile {
    /// What tells a file from others and from what it was before it was changed: a medium that comes
    /// again is not encoded again, and what was computed with it still counts. Its bytes are not read.
    var identity: String {
        var status = stat()
        guard stat(path, &status) == 0 else { return path }
        let time = status.st_mtim
        return "\(modality.rawValue) \(status.st_dev) \(status.st_ino) \(status.st_size) "
            + "\(time.tv_sec).\(time.tv_nsec)"
    }
}
