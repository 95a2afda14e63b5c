// Elements and slices picked, written and added by index.

/// Elements picked by index. Ids are `int32` and within bounds.
package protocol IndexingPrimitives {
    /// Rows of `table [count, width]` (dense, any floating type) as `float32`; `ids` dense
    /// `int32 [n]`, each within the table.
    func embedding(_ table: Tensor, ids: Tensor) -> Tensor
    /// The place of the first of dense `ids` outside `0..<bound`.
    func firstOutside(_ ids: Tensor, bound: Int) -> Int?
    /// Slices of `x [outer, n, inner]`, any type, in the order of dense `ids [m]` →
    /// `[outer, m, inner]`.
    func select(_ x: Tensor, ids: Tensor) -> Tensor
    /// Slices of `x [outer, m, inner]` added up, in their order, at dense `ids [m]` of zeros
    /// `[outer, count, inner]`.
    func addSelected(_ x: Tensor, ids: Tensor, count: Int) -> Tensor
    /// `y[…, j, …] = x[…, ids[…, j, …], …]` along `axis`, any type; of one rank, and `ids` no longer
    /// than `x` on the other axes.
    func gather(_ x: Tensor, ids: Tensor, axis: Int) -> Tensor
    /// A copy of `x` with `y[…, ids[…, j, …], …] = source[…, j, …]`, any type, or `+=` where it
    /// adds, for `float32`; `source` of the shape of `ids`. j counts up.
    func scatter(_ source: Tensor, ids: Tensor, axis: Int, adds: Bool, over x: Tensor) -> Tensor
}

extension Tensor {
    /// Dense `int32` indices, checked.
    fileprivate func indices(_ operation: String, below bound: Int, of shape: Shape) -> Tensor {
        precondition(
            !dtype.isFloatingPoint && dtype != .bool, "\(operation): indices of type \(dtype)")
        // What 32 bits do not hold must stay outside.
        let narrow =
            dtype == .int64
            ? maximum(.full([], -1, .int64, device: device))
                .minimum(.full([], Double(Int32.max), .int64, device: device)) : self
        let ids = narrow.cast(to: .int32).dense()
        if let place = backend.firstOutside(ids, bound: bound) {
            preconditionFailure(
                "\(operation): index \(flattened().sliced(0, place..<(place + 1)).integers()[0]) "
                    + "of an axis of \(bound), indices \(self.shape) into \(shape)")
        }
        return ids
    }

    /// As `[outer, n, inner]` around an axis.
    private func around(_ axis: Int) -> Tensor {
        reshaped([
            shape[..<axis].reduce(1, *), shape[axis], shape[(axis + 1)...].reduce(1, *),
        ])
    }

    /// The rows of this table `[count, width]` that `ids […]` names → `[…, width]`, `float32`.
    public func rows(at ids: Tensor) -> Tensor {
        precondition(rank == 2, "rows: shape \(shape)")
        let (count, width) = (shape[0], shape[1])
        let flat = ids.indices("rows", below: count, of: shape).flattened()
        return backend.embedding(detached().dense(), ids: flat).reshaped(ids.shape + [width])
            .recorded(from: self) { gradient in
                gradient.backend.addSelected(
                    gradient.reshaped([1, flat.count, width]), ids: flat, count: count
                ).reshaped([count, width])
            }
    }

    /// Slices of an axis in another order, some of them, or several times: `index_select`.
    ///
    /// - Shapes: `[…, n, …]`, `ids [m]` → `[…, m, …]`; any type
    public func selected(_ axis: Int, at ids: Tensor) -> Tensor {
        let axis = shape.axisIndex(axis)
        precondition(ids.rank == 1, "selected: indices \(ids.shape) of \(shape)")
        let (old, count) = (shape, shape[axis])
        let ids = ids.indices("selected", below: count, of: shape)
        var result = shape
        result[axis] = ids.count
        return backend.select(detached().around(axis), ids: ids).reshaped(result)
            .recorded(from: self) { gradient in
                gradient.backend.addSelected(gradient.around(axis), ids: ids, count: count)
                    .reshaped(old)
            }
    }

    /// This tensor with slices added to those that `ids` names, one after the other: `index_add`.
    ///
    /// - Shapes: `[…, n, …]`, `ids [m]`, `slices […, m, …]` → `[…, n, …]`
    public func adding(_ slices: Tensor, _ axis: Int, at ids: Tensor) -> Tensor {
        let axis = shape.axisIndex(axis)
        let expected = shape[..<axis] + [ids.count] + shape[(axis + 1)...]
        precondition(
            ids.rank == 1 && slices.shape == Shape(expected),
            "adding: slices \(slices.shape) at \(ids.shape) of \(shape)")
        let (shape, count) = (shape, shape[axis])
        let ids = ids.indices("adding", below: count, of: shape)
        let (x, slices) = (real, slices.real)
        let sums = backend.addSelected(slices.detached().around(axis), ids: ids, count: count)
            .reshaped(shape)
        return (x.detached() + sums).recorded(from: [x, slices]) { gradient in
            [
                gradient,
                gradient.backend.select(gradient.around(axis), ids: ids)
                    .reshaped(Shape(expected)),
            ]
        }
    }

    /// Elements picked one by one along an axis: `y[…, j, …] = self[…, ids[…, j, …], …]`.
    ///
    /// - Shapes: `ids` has the result's shape and this tensor's rank, and is no longer on the
    ///   other axes; any type
    public func gathered(_ axis: Int, at ids: Tensor) -> Tensor {
        let axis = shape.axisIndex(axis)
        checkPicking("gathered", axis, ids)
        let shape = shape
        let ids = ids.indices("gathered", below: shape[axis], of: shape)
        return backend.gather(detached(), ids: ids, axis: axis).recorded(from: self) { gradient in
            gradient.backend.scatter(
                gradient, ids: ids, axis: axis, adds: true,
                over: Tensor.zeros([], device: gradient.device).broadcast(to: shape))
        }
    }

    /// This tensor with elements written over: `y[…, ids[…, j, …], …] = source[…, j, …]`. Of several
    /// that are written to one place the last stays, and each gets that place's gradient.
    ///
    /// - Shapes: as `gathered`; `source` of the shape of `ids` and this tensor's type
    public func scattered(_ source: Tensor, _ axis: Int, at ids: Tensor) -> Tensor {
        let axis = shape.axisIndex(axis)
        checkPicking("scattered", axis, ids)
        precondition(
            source.shape == ids.shape && source.dtype == dtype,
            "scattered: \(source.dtype) \(source.shape) at \(ids.shape) over \(dtype) \(shape)")
        let ids = ids.indices("scattered", below: shape[axis], of: shape)
        return backend.scatter(
            source.detached(), ids: ids, axis: axis, adds: false, over: detached()
        ).recorded(from: [self, source]) { gradient in
            let zeros = Tensor.zeros([], device: gradient.device).broadcast(to: ids.shape)
            return [
                gradient.backend.scatter(zeros, ids: ids, axis: axis, adds: false, over: gradient),
                gradient.backend.gather(gradient, ids: ids, axis: axis),
            ]
        }
    }

    /// This tensor with elements added: `y[…, ids[…, j, …], …] += source[…, j, …]`, in their order.
    ///
    /// - Shapes: as `gathered`; `source` of the shape of `ids`; `float32`
    public func scatterAdded(_ source: Tensor, _ axis: Int, at ids: Tensor) -> Tensor {
        let axis = shape.axisIndex(axis)
        checkPicking("scatterAdded", axis, ids)
        precondition(
            source.shape == ids.shape,
            "scatterAdded: \(source.shape) at \(ids.shape) to \(shape)")
        let ids = ids.indices("scatterAdded", below: shape[axis], of: shape)
        let (x, source) = (real, source.real)
        return backend.scatter(
            source.detached(), ids: ids, axis: axis, adds: true, over: x.detached()
        ).recorded(from: [x, source]) { gradient in
            [gradient, gradient.backend.gather(gradient, ids: ids, axis: axis)]
        }
    }

    private func checkPicking(_ operation: String, _ axis: Int, _ ids: Tensor) {
        precondition(
            ids.rank == rank
                && shape.indices.allSatisfy { $0 == axis || ids.shape[$0] <= shape[$0] },
            "\(operation): indices \(ids.shape) into axis \(axis) of \(shape)")
    }

    /// Ones at these classes, zeros elsewhere: `[…]` → `float32 […, classes]`.
    public func oneHot(_ classes: Int) -> Tensor {
        let ids = indices("oneHot", below: classes, of: [classes]).reshaped([count, 1])
        let ones = Tensor.full([], 1, device: device).broadcast(to: [count, 1])
        let zeros = Tensor.zeros([], device: device).broadcast(to: [count, classes])
        return backend.scatter(ones, ids: ids, axis: 1, adds: false, over: zeros)
            .reshaped(shape + [classes])
    }
}

// MARK: - Orders of slices

/// What surrounds a tensor that is padded with elements of its own.
public enum PaddingMode: Sendable {
    /// The elements beyond the edge, mirrored at it.
    case reflect
    /// The edge itself.
    case replicate
    /// The elements from the other end.
    case circular
}

extension Tensor {
    private func selected(_ axis: Int, _ ids: some Sequence<Int>) -> Tensor {
        selected(axis, at: Tensor(ids.map { Int32($0) }, device: device))
    }

    /// The axes in reverse.
    public func flipped(_ axes: Int...) -> Tensor {
        axes.reduce(self) { x, axis in
            x.selected(axis, (0..<x.shape[x.shape.axisIndex(axis)]).reversed())
        }
    }

    /// Every index of an axis moved on by `shift`, from the end around to the start: `torch.roll`.
    public func rolled(_ shift: Int, axis: Int) -> Tensor {
        let axis = shape.axisIndex(axis)
        let count = shape[axis]
        if count == 0 { return self }
        let start = ((-shift % count) + count) % count
        if start == 0 { return self }
        return .concatenate(
            [sliced(axis, start..<count), sliced(axis, 0..<start)], axis: axis)
    }

    /// Elements of the tensor's own around it, by axis: `torch.nn.functional.pad`.
    ///
    /// Reflected, an axis must be longer than each amount; circular, as long.
    public func padded(
        _ amounts: [(before: Int, after: Int)], _ mode: PaddingMode
    ) -> Tensor {
        precondition(amounts.count == rank, "padded: \(amounts.count) axes of shape \(shape)")
        return shape.indices.reduce(self) { x, axis in
            let ((before, after), count) = (amounts[axis], shape[axis])
            if before == 0 && after == 0 { return x }
            let least = Swift.max(before, after) + (mode == .reflect ? 1 : 0)
            precondition(
                before >= 0 && after >= 0 && count >= (mode == .replicate ? 1 : least),
                "padded: \(mode) by \(before) and \(after) on axis \(axis) of shape \(shape)")
            return x.selected(
                axis,
                (-before..<(count + after)).map { place in
                    switch mode {
                    case .replicate: Swift.min(Swift.max(place, 0), count - 1)
                    case .circular: (place + count) % count
                    case .reflect:
                        place < 0 ? -place : place < count ? place : 2 * (count - 1) - place
                    }
                })
        }
    }
}
