package import TensorCore

extension DiskRoom {
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
