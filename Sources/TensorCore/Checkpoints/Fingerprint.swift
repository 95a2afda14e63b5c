extension Checkpoint {
    /// What tells weights from others: the names, types and shapes of the tensors, and how each begins
    /// and ends. Training moves all of a tensor, so that a look at both ends is enough; weights that
    /// are larger than memory cost milliseconds.
    ///
    /// - Throws: `CheckpointError`
    package func fingerprint() throws -> String {
        var hash = SHA256()
        for stored in tensors.sorted(by: { $0.name < $1.name }) {
            hash.update("\(stored.name) \(stored.dtype) \(stored.shape)\n")
            // Positions and the like are the same in all of their kind.
            guard [.float32, .float16, .bfloat16].contains(stored.dtype) || stored.dtype.isBlocked
            else { continue }
            let tensor = try stored.tensor()
            let count = tensor.shape.first ?? 0
            let ends =
                count > 0 ? [0..<1, (count - 1)..<count].map { tensor.sliced(0, $0) } : [tensor]
            for end in ends { hash.update("\(end.floats().prefix(64))\n") }
            stored.forget()
        }
        return String(hash.hexadecimal.prefix(12))
    }
}
