import TensorCore

/// The tensors of a task that a checkpoint keeps: `phase/parameter` in the type that it trains in,
/// and the task's own state.
enum RunTensors {
    private static let stateMark = "state/"

    static func all(of task: some TrainingTask) -> [(name: String, value: Tensor)] {
        parameters(of: task).map { (name: $0, value: $1.value.detached()) }
            + task.state.map { (name: stateMark + $0.name, value: $0.value) }
    }

    private static func parameters(
        of task: some TrainingTask
    ) -> [(name: String, parameter: Parameter)] {
        task.phases.flatMap { phase in
            phase.parameters.map { ("\(phase.name)/\($0.name)", $0) }
        }
    }

    /// Puts a checkpoint's values in place.
    ///
    /// - Throws: `CheckpointError` for a tensor that is missing, of no parameter, or of another
    ///   shape or type
    static func restore(_ task: some TrainingTask, from checkpoint: Checkpoint) throws {
        let parameters = parameters(of: task)
        let known = Set(parameters.map(\.name))
        let unexpected = checkpoint.tensors.map(\.name).filter {
            !known.contains($0) && !$0.hasPrefix(stateMark)
        }
        guard unexpected.isEmpty else {
            throw CheckpointError.unexpected(names: unexpected, file: checkpoint.file)
        }
        var values: [(Parameter, Tensor)] = []
        for (name, parameter) in parameters {
            let value = parameter.value
            guard let stored = checkpoint[name] else {
                throw CheckpointError.missing(
                    name: name, expected: value.shape, file: checkpoint.file)
            }
            guard stored.shape == value.shape else {
                throw CheckpointError.shapeMismatch(
                    name: name, found: stored.shape, expected: value.shape, file: stored.file)
            }
            guard stored.dtype == value.dtype else {
                throw CheckpointError.typeMismatch(
                    name: name, found: stored.dtype, expected: "\(value.dtype)", file: stored.file)
            }
            values.append((parameter, try stored.tensor().on(value.device)))
        }
        try task.restore(
            checkpoint.renamed {
                $0.hasPrefix(stateMark) ? String($0.dropFirst(stateMark.count)) : nil
            })
        for (parameter, value) in values { parameter.replace(with: value) }
    }
}
