import Glibc

/// The room that is left on the disk of a folder.
public struct DiskRoom: Sendable {
    /// Bytes that we may fill.
    public let free: Int
    /// Bytes that every file takes a multiple of.
    public let block: Int

    package init(free: Int, block: Int) { (self.free, self.block) = (free, max(1, block)) }

    /// Asks the system; nil where it does not say.
    public init?(of folder: String) {
        var disk = statvfs()
        guard statvfs(folder, &disk) == 0 else { return nil }
        let block = max(1, Int(disk.f_frsize))
        self.init(free: Int(disk.f_bavail) * block, block: block)
    }
}
