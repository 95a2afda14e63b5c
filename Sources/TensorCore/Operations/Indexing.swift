// Elements picked by index.

/// Elements picked by index.
package protocol IndexingPrimitives {
    /// Rows of `table [count, width]` (dense, any floating type) as `float32`; `ids` dense
    /// `int32 [n]`, each within the table.
    func embedding(_ table: Tensor, ids: Tensor) -> Tensor
}

extension Tensor {
    /// The rows of this table `[count, width]` that `ids […]` names → `[…, width]`, `float32`.
    public func rows(at ids: Tensor) -> Tensor {
        precondition(rank == 2 && !ids.dtype.isFloatingPoint, "rows: \(shape) at \(ids.dtype)")
        let flat = ids.cast(to: .int32).dense().flattened()
        return backend.embedding(dense(), ids: flat).reshaped(ids.shape + [shape[1]])
    }
}
