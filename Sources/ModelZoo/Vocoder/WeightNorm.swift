public import TensorCore

extension Checkpoint {
    /// This checkpoint with every weight-normalised pair folded into the weight it stands for:
    /// `g · v / ‖v‖`, the norm over all axes but the first.
    ///
    /// Paper: Salimans and Kingma 2016, arXiv:1602.07868. Names: `weight_g` and `weight_v`, or
    /// `parametrizations.weight.original0` and `…original1` of newer releases. A pair is folded
    /// when it is read; other tensors pass as they are.
    ///
    /// - Throws: `CheckpointError` where one of a pair is missing or they do not fit
    public func foldingWeightNorm() throws -> Checkpoint {
        let dialects = [
            (magnitude: "weight_g", direction: "weight_v"),
            (
                magnitude: "parametrizations.weight.original0",
                direction: "parametrizations.weight.original1"
            ),
        ]
        let tensors: [StoredTensor] = try tensors.compactMap { tensor in
            if dialects.contains(where: { tensor.name.hasSuffix("." + $0.magnitude) }) {
                return nil
            }
            guard let dialect = dialects.first(where: { tensor.name.hasSuffix("." + $0.direction) })
            else { return tensor }
            let layer = String(tensor.name.dropLast(dialect.direction.count))
            return try folded(
                tensor, magnitude: layer + dialect.magnitude, into: layer + "weight")
        }
        return try Checkpoint(file: file, tensors: tensors, metadata: metadata)
    }

    private func folded(
        _ direction: StoredTensor, magnitude name: String, into weight: String
    ) throws -> StoredTensor {
        let shape = direction.shape
        let expected = shape.indices.map { $0 == 0 ? shape[0] : 1 }
        guard let magnitude = self[name] else {
            throw CheckpointError.missing(name: name, expected: expected, file: direction.file)
        }
        guard magnitude.shape == expected else {
            throw CheckpointError.shapeMismatch(
                name: name, found: magnitude.shape, expected: expected, file: magnitude.file)
        }
        return StoredTensor(name: weight, dtype: .float32, shape: shape, file: direction.file) {
            let v = try direction.tensor()
            let squares = v.squared().sum(Array(shape.indices.dropFirst()), keepingAxes: true)
            return try v * (magnitude.tensor() / squares.squareRoot())
        }
    }
}
