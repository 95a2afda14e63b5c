extension Checkpoint {
    /// Opens a checkpoint file; its leading bytes say which container it is, not its name.
    ///
    /// - Throws: `CheckpointError`: unreadable or empty, no known container, one that breaks its
    ///   format's rules, or one that is recognised and not read
    public init(contentsOf path: String) throws {
        let file = try MappedFile(path)
        let bytes = file.bytes
        if Safetensors.begins(bytes) {
            self = try Safetensors.open(file)
        } else {
            throw CheckpointError.malformed(
                file: path, rule: "the first bytes are those of no checkpoint format")
        }
    }
}
