import FoundationEssentials
import Glibc
import MediaIO
import ModelZoo
import TensorCore

/// A folder of embeddings that is being filled.
///
/// Killed at any moment, it holds no file whose caption the index names wrongly: a file that is to
/// be replaced is removed first, then its line is written, then the new file appears whole.
struct EmbeddingFolder {
    let path: String
    let modality: Modality
    let shape: Shape
    private(set) var index: EmbeddingIndex
    private var use: FolderUse?

    init(_ path: String, modality: Modality, shape: Shape) throws {
        self.path = EmbeddingStore.withoutSlash(path)
        (self.modality, self.shape) = (modality, shape)
        index = try EmbeddingIndex(folder: self.path)
    }

    /// Bytes of a file: the numbers in float16, and NumPy's header of two times 64.
    var fileBytes: Int { 2 * shape.elementCount + 128 }

    /// Whether a file is there and as long as it should be.
    func hasWhole(_ file: String) -> Bool {
        var status = stat()
        return stat("\(path)/\(file)", &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            && Int(status.st_size) == fileBytes
    }

    /// What is there under a name that no index lists.
    enum Unlisted {
        case nothing
        /// An embedding of another program's, which is to stay.
        case embedding
        /// What a program left that was stopped, or a copy that was: no array.
        case damaged
    }

    /// Looks at a file that no index lists.
    ///
    /// - Throws: `EmbeddingError.foreign` for one that this decoder cannot use: it is somebody's;
    ///   `CheckpointError` for one that cannot be looked at
    func unlisted(_ file: String, replaced: Bool) throws -> Unlisted {
        let path = "\(path)/\(file)"
        guard access(path, F_OK) == 0, !replaced else { return .nothing }
        let array: StoredTensor?
        do {
            array = try Checkpoint(contentsOf: path)["array"]
        } catch CheckpointError.malformed {
            return .damaged
        }
        guard let array, EmbeddingStore.asRows(array.shape) == EmbeddingStore.asRows(shape) else {
            throw EmbeddingError.foreign(
                file: path, modality: modality, found: array?.shape ?? [], expected: shape)
        }
        return .embedding
    }

    /// Makes the folder, removes what a killed run was writing, and sees whether all will fit.
    ///
    /// - Throws: `CheckpointError.unwritable`, `EmbeddingError.noRoom`
    mutating func prepare(for files: Int) throws {
        try makeFolder(path)
        guard access(path, W_OK | X_OK) == 0 else {
            throw CheckpointError.unwritable(file: path, reason: systemReason())
        }
        use = use ?? FolderUse(of: path)
        try DiskRoom(of: path)?.check(files, of: fileBytes, in: path)
    }

    /// Writes the embeddings of a batch, each of this folder's shape and in float16.
    ///
    /// - Throws: `CheckpointError.unwritable`
    mutating func write(_ batch: [(line: EmbeddingIndex.Line, value: Tensor)]) throws {
        for (line, _) in batch where access("\(path)/\(line.file)", F_OK) == 0 {
            guard unlink("\(path)/\(line.file)") == 0 else {
                throw CheckpointError.unwritable(
                    file: "\(path)/\(line.file)", reason: systemReason())
            }
        }
        try append(batch.map(\.line))
        for (line, value) in batch { try Npy.write(value, to: "\(path)/\(line.file)") }
    }

    /// Adds lines under a lock, for two of us may fill one folder. What a killed one left of its last
    /// line is cut off first.
    private mutating func append(_ lines: [EmbeddingIndex.Line]) throws {
        let file = "\(path)/\(EmbeddingIndex.fileName)"
        let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure(file) }
        defer { closeUnlocking(descriptor) }
        guard flock(descriptor, LOCK_EX) == 0 else { throw failure(file) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(file) }
        let start = try wholeLines(descriptor, upTo: Int(status.st_size), file)
        let text = (start == 0 ? EmbeddingIndex.header : "") + lines.map(\.text).joined()
        let bytes = Array(text.utf8)
        guard ftruncate(descriptor, off_t(start)) == 0 else { throw failure(file) }
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes {
                pwrite(
                    descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done,
                    off_t(start + done))
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else {
                let problem = failure(file)
                // A full disk leaves the index as it was.
                _ = ftruncate(descriptor, off_t(start))
                throw problem
            }
            done += written
        }
        guard fsync(descriptor) == 0 else { throw failure(file) }
        for line in lines { try index.add(line) }
    }

    /// Where the last line ends that was written whole.
    private func wholeLines(_ descriptor: Int32, upTo end: Int, _ file: String) throws -> Int {
        var end = end
        var byte: UInt8 = 0
        while end > 0 {
            guard pread(descriptor, &byte, 1, off_t(end - 1)) == 1 else { throw failure(file) }
            if byte == UInt8(ascii: "\n") { return end }
            end -= 1
        }
        return 0
    }

    private func failure(_ file: String) -> CheckpointError {
        .unwritable(file: file, reason: systemReason())
    }
}
