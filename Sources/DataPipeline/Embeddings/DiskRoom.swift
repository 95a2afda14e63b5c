import Glibc

/// The room that is left on the disk of a folder.
package struct DiskRoom {
    /// Bytes that we may fill.
    let free: Int
    /// Bytes that every file takes a multiple of.
    let block: Int

    package init(free: Int, block: Int) { (self.free, self.block) = (free, max(1, block)) }

    /// Asks the system; nil where it does not say.
    package init?(of folder: String) {
        var disk = statvfs()
        guard statvfs(folder, &disk) == 0 else { return nil }
        self.init(free: Int(disk.f_bavail) * max(1, Int(disk.f_frsize)), block: Int(disk.f_frsize))
    }

    /// Sees whether so many files of so many bytes fit.
    ///
    /// - Throws: `EmbeddingError.noRoom`
    package func check(_ files: Int, of bytes: Int, in folder: String) throws {
        let needed = files * ((bytes + block - 1) / block * block)
        guard needed <= free else {
            throw EmbeddingError.noRoom(folder: folder, needed: needed, free: free)
        }
    }
}
