import TensorCore

/// A strict reading of an optimiser's checkpoint: everything in it must be asked for.
struct OptimizerAccount {
    private let checkpoint: Checkpoint
    private var taken: Set<String> = []

    init(_ checkpoint: Checkpoint) { self.checkpoint = checkpoint }

    mutating func take(_ name: String, _ shape: Shape, _ dtype: DType) throws -> Tensor {
        guard let stored = checkpoint[name] else {
            throw CheckpointError.missing(name: name, expected: shape, file: checkpoint.file)
        }
        guard stored.shape == shape else {
            throw CheckpointError.shapeMismatch(
                name: name, found: stored.shape, expected: shape, file: stored.file)
        }
        guard stored.dtype == dtype else {
            throw CheckpointError.typeMismatch(
                name: name, found: stored.dtype, expected: "\(dtype)", file: stored.file)
        }
        taken.insert(name)
        return try stored.tensor()
    }

    func finish() throws {
        let unexpected = checkpoint.tensors.map(\.name).filter { !taken.contains($0) }
        guard unexpected.isEmpty else {
            throw CheckpointError.unexpected(names: unexpected, file: checkpoint.file)
        }
    }
}
