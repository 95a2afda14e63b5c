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

    /// The reverse: every `weight` of a convolution, which has three axes or more, as `weight_g` and
    /// `weight_v`, for networks that are trained so.
    package func splittingWeightNorm() throws -> Checkpoint {
        let tensors = tensors.flatMap { tensor -> [StoredTensor] in
            guard tensor.name.hasSuffix(".weight"), tensor.shape.count >= 3 else { return [tensor] }
            let lengths = tensor.shape.indices.map { $0 == 0 ? tensor.shape[0] : 1 }
            return [
                StoredTensor(
                    name: tensor.name + "_g", dtype: .float32, shape: lengths, file: tensor.file
                ) {
                    try tensor.tensor().squared()
                        .sum(Array(tensor.shape.indices.dropFirst()), keepingAxes: true)
                        .squareRoot()
                },
                StoredTensor(
                    name: tensor.name + "_v", dtype: tensor.dtype, shape: tensor.shape,
                    file: tensor.file, load: tensor.load),
            ]
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
