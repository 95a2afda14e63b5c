import Glibc

extension Checkpoint {
    /// Opens a checkpoint file; its leading bytes say which container it is, not its name.
    ///
    /// Read: safetensors, PyTorch's zip and older files, GGUF, npy and npz, and llama2.c's two. Element types that no `DType` holds
    /// are refused when the file is opened.
    ///
    /// - Throws: `CheckpointError`: unreadable or empty, no known container, one that breaks its
    ///   format's rules, or one that is recognised and not read
    public init(contentsOf path: String) throws {
        let file = try MappedFile(path)
        let bytes = file.bytes
        func refused(_ what: String, _ mend: String) -> CheckpointError {
            .unsupported(file: path, what: what, mend: mend)
        }
        if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
            let archive = try ZipArchive(file)
            self =
                try archive.entries.contains { $0.name.hasSuffix(".npy") }
                ? Npy.open(archive) : PyTorchArchive.open(archive)
        } else if bytes.starts(with: PyTorchArchive.legacyMark) {
            self = try PyTorchArchive.openLegacy(file)
        } else if bytes.count > 262 && bytes[257..<262].elementsEqual("ustar".utf8) {
            throw refused("a tar file of PyTorch before 0.4", "Load and save it with torch 1.6.")
        } else if Safetensors.begins(bytes) {
            self = try Safetensors.open(file)
        } else if bytes.starts(with: GGUF.mark) {
            self = try GGUF(contentsOf: path).checkpoint
        } else if let tables = Llama2C(file) {
            self = try tables.checkpoint
        } else if bytes.starts(with: Npy.mark) {
            self = try Npy.open(file)
        } else if Llama2C.isMarked(bytes) {
            throw CheckpointError.malformed(
                file: path, rule: "its length is not what the sizes in llama2.c's header give")
        } else if bytes.starts(with: "version https://git-lfs".utf8) {
            throw CheckpointError.malformed(
                file: path, rule: "it is a Git LFS pointer, the weights were never fetched")
        } else {
            throw CheckpointError.malformed(
                file: path, rule: "the first bytes are those of no checkpoint format")
        }
    }
}

/// Whether something lies at a path.
func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }
