extension Checkpoint {
    /// Opens a checkpoint file of any known container.
    public init(contentsOf path: String) throws {
        throw CheckpointError.unreadable(file: path, reason: "no reader")
    }
}
