// Elements in order of size.

/// Sorting and selection.
package protocol OrderingPrimitives {
    /// The `count` first elements of each row of `x [outer, inner]` in ascending or descending
    /// order, and their indices as `int32`: `[outer, count]`, dense. `float32`, `int32` or `int64`;
    /// equal elements keep their order; NaN is greater than everything.
    func order(
        _ x: Tensor, count: Int, descending: Bool
    ) -> (values: Tensor, indices: Tensor)
}

extension Tensor {
    private func ordered(
        _ operation: String, _ axis: Int, _ count: Int?, descending: Bool
    ) -> (values: Tensor, indices: Tensor) {
        let axis = shape.axisIndex(axis)
        let count = count ?? shape[axis]
        precondition(
            (0...shape[axis]).contains(count),
            "\(operation): \(count) of axis \(axis) of shape \(shape)")
        precondition(shape[axis] <= Int(Int32.max), "\(operation): axis \(axis) of shape \(shape)")
        let x = dtype.isFloatingPoint ? real : dtype == .int64 ? self : cast(to: .int32)
        let turned = x.detached().transposed(axis, -1)
        let (values, indices) = backend.order(
            turned.lastAxisRows, count: count, descending: descending)
        let shape = shape
        let result = Array(turned.shape.dropLast()) + [count]
        let places = indices.reshaped(result).transposed(axis, -1)
        return (
            values.reshaped(result).transposed(axis, -1).recorded(from: x) { gradient in
                gradient.backend.scatter(
                    gradient, ids: places, axis: axis, adds: true,
                    over: Tensor.zeros([], device: gradient.device).broadcast(to: shape))
            }, places
        )
    }

    /// The elements along an axis in order, and their indices there (`int32`).
    ///
    /// Equal elements keep their order; NaN counts as the greatest, as in PyTorch. Real types give
    /// `float32`, `int64` itself, other integers `int32`.
    public func sorted(
        _ axis: Int = -1, descending: Bool = false
    ) -> (values: Tensor, indices: Tensor) {
        ordered("sorted", axis, nil, descending: descending)
    }

    /// The indices that sort an axis: see `sorted`.
    public func argSorted(_ axis: Int = -1, descending: Bool = false) -> Tensor {
        detached().sorted(axis, descending: descending).indices
    }

    /// The greatest elements along an axis, the greatest first, or the least, and their indices
    /// (`int32`): see `sorted`. Of equal ones the first are taken.
    public func top(
        _ count: Int, axis: Int = -1, largest: Bool = true
    ) -> (values: Tensor, indices: Tensor) {
        ordered("top", axis, count, descending: largest)
    }

    /// The first index of the least element along `axis`, which disappears; `int32`. NaN counts
    /// as least here.
    public func argMin(_ axis: Int = -1) -> Tensor {
        if !dtype.isFloatingPoint { return firstInOrder(axis, descending: false) }
        return (-detached().real).argMax(axis)
    }

    /// The index of what comes first along an axis, which disappears; exact for integers.
    func firstInOrder(_ axis: Int, descending: Bool) -> Tensor {
        let axis = shape.axisIndex(axis)
        return detached().top(1, axis: axis, largest: descending).indices.squeezed(axis)
    }
}
