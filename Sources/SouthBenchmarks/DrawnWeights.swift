import TensorCore

/// A tensor of numbers without structure in some type: float32 where it is a vector, and never
/// whole in float32 where it is not.
func drawnWeight(_ name: String, _ shape: Shape, as dtype: DType) -> StoredTensor {
    StoredTensor(
        name: name, dtype: shape.count == 1 ? .float32 : dtype, shape: shape, file: "memory"
    ) {
        if shape.count == 1 { return uneven(shape, .cpu) }
        // Some rows at a time: the largest in float32 would be the peak of the whole.
        let parts = stride(from: 0, to: shape[0], by: 1024).map { first in
            let rows = uneven([min(1024, shape[0] - first)] + shape[1...], .cpu) * 0.05
            return dtype.isBlocked ? rows.quantized(to: dtype) : rows.cast(to: dtype)
        }
        return parts.count == 1 ? parts[0] : .concatenate(parts, axis: 0)
    }
}

/// Tensors by drawing each shape once: layers alike have the same numbers, which takes no time from
/// who reads them.
struct DrawnOnce {
    private let dtype: DType
    private var drawn: [Shape: Tensor] = [:]

    init(as dtype: DType) { self.dtype = dtype }

    /// - Throws: `CheckpointError`
    mutating func tensor(_ name: String, _ shape: Shape) throws -> StoredTensor {
        let value = try drawn[shape] ?? drawnWeight(name, shape, as: dtype).tensor()
        drawn[shape] = value
        return StoredTensor(name: name, value: value)
    }
}
