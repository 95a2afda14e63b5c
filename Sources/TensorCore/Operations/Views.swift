// Looking at the same elements in another way. Nothing is copied unless a comment says so.

extension Tensor {
    /// Other elements of the same storage, without a gradient.
    package func view(_ shape: Shape, _ strides: [Int], offset: Int? = nil) -> Tensor {
        Tensor(
            storage: storage, device: device, dtype: dtype, shape: shape, strides: strides,
            offset: offset ?? self.offset)
    }

    /// This tensor, or a dense copy where it is not dense.
    public func dense() -> Tensor {
        if isDense { return self }
        if dtype.isBlocked { return blockBytes.dense().blocks(of: dtype) }
        return backend.copy(detached()).recorded(from: self) { $0 }
    }

    /// The same elements in another shape; one axis may be −1 and takes what is left. Copies where
    /// no view exists.
    public func reshaped(_ shape: Shape) -> Tensor {
        var shape = shape
        if let free = shape.firstIndex(of: -1) {
            shape[free] = 1
            let others = shape.elementCount
            precondition(
                others > 0 && count % others == 0,
                "reshaped: \(self.shape) does not divide into \(shape)")
            shape[free] = count / others
        }
        precondition(shape.elementCount == count, "reshaped: \(self.shape) to \(shape)")
        if shape == self.shape { return self }
        let old = self.shape
        let result =
            stridesOfView(shape).map { view(shape, $0) }
            ?? detached().dense().view(shape, shape.rowMajorStrides, offset: 0)
        return result.recorded(from: self) { $0.reshaped(old) }
    }

    /// The same elements in another shape.
    public func reshaped(_ sizes: Int...) -> Tensor { reshaped(sizes) }

    /// One axis in place of `axes` (all of them by default).
    public func flattened(_ axes: ClosedRange<Int>? = nil) -> Tensor {
        let axes = axes ?? 0...Swift.max(rank - 1, 0)
        if rank == 0 { return reshaped([1]) }
        return reshaped(
            Array(shape[..<axes.lowerBound]) + [Array(shape[axes]).elementCount]
                + Array(shape[(axes.upperBound + 1)...]))
    }

    /// Strides that show these elements in `target`, or nil where only a copy can.
    private func stridesOfView(_ target: Shape) -> [Int]? {
        if isDense { return target.rowMajorStrides }
        // Axes of length one carry no step; the others must split or merge stepwise.
        let axes = shape.indices.filter { shape[$0] != 1 }
        var strides = [Int](repeating: 1, count: target.count)
        var targetAxis = target.count - 1
        var position = axes.count - 1
        while position >= 0 {
            var length = shape[axes[position]]
            let step = self.strides[axes[position]]
            var last = axes[position]
            while position > 0, self.strides[axes[position - 1]] == self.strides[last] * shape[last]
            {
                position -= 1
                last = axes[position]
                length *= shape[last]
            }
            var filled = 1
            while filled < length {
                guard targetAxis >= 0 else { return nil }
                strides[targetAxis] = step * filled
                filled *= target[targetAxis]
                targetAxis -= 1
            }
            guard filled == length else { return nil }
            position -= 1
        }
        return strides
    }

    /// The axes in another order.
    public func permuted(_ order: [Int]) -> Tensor {
        precondition(
            order.sorted() == Array(shape.indices), "permuted: \(order) of shape \(shape)")
        let inverse = order.indices.sorted { order[$0] < order[$1] }
        return view(order.map { shape[$0] }, order.map { strides[$0] })
            .recorded(from: self) { $0.permuted(inverse) }
    }

    /// The axes in another order.
    public func permuted(_ order: Int...) -> Tensor { permuted(order) }

    /// Two axes exchanged, by default the last two.
    public func transposed(_ a: Int = -2, _ b: Int = -1) -> Tensor {
        var order = Array(shape.indices)
        order.swapAt(shape.axisIndex(a), shape.axisIndex(b))
        return permuted(order)
    }

    /// The part of an axis in `range`.
    public func sliced(_ axis: Int, _ range: Range<Int>) -> Tensor {
        let axis = shape.axisIndex(axis)
        precondition(
            range.lowerBound >= 0 && range.upperBound <= shape[axis],
            "sliced: \(range) of axis \(axis) of shape \(shape)")
        var shape = shape
        shape[axis] = range.count
        return view(shape, strides, offset: offset + range.lowerBound * strides[axis])
            .recorded(partOf: self, axis: axis, start: range.lowerBound)
    }

    /// One index of an axis, which disappears.
    public func selected(_ axis: Int, _ index: Int) -> Tensor {
        let axis = shape.axisIndex(axis)
        return sliced(axis, index..<(index + 1)).squeezed(axis)
    }

    /// Index `index` of the first axis, which disappears.
    public subscript(index: Int) -> Tensor { selected(0, index) }

    /// Part of the first axis.
    public subscript(range: Range<Int>) -> Tensor { sliced(0, range) }

    /// An axis of length one removed.
    public func squeezed(_ axis: Int) -> Tensor {
        let axis = shape.axisIndex(axis)
        precondition(shape[axis] == 1, "squeezed: axis \(axis) of shape \(shape)")
        var (shape, strides) = (shape, strides)
        shape.remove(at: axis)
        strides.remove(at: axis)
        return view(shape, strides).recorded(from: self) { $0.unsqueezed(axis) }
    }

    /// An axis of length one before `axis`; −1 puts it last.
    public func unsqueezed(_ axis: Int) -> Tensor {
        let axis = axis < 0 ? axis + rank + 1 : axis
        var (shape, strides) = (shape, strides)
        shape.insert(1, at: axis)
        strides.insert(0, at: axis)
        return view(shape, strides).recorded(from: self) { $0.squeezed(axis) }
    }

    /// Repeated along axes of length one, and along new leading axes, without a copy.
    public func broadcast(to target: Shape) -> Tensor {
        if target == shape { return self }
        precondition(shape.broadcast(with: target) == target, "broadcast: \(shape) to \(target)")
        let lead = target.count - rank
        let strides = target.indices.map { axis in
            axis < lead || (shape[axis - lead] == 1 && target[axis] != 1)
                ? 0 : self.strides[axis - lead]
        }
        let old = shape
        return view(target, strides).recorded(from: self) { $0.summed(to: old) }
    }

    /// Equal parts of an axis.
    public func split(_ parts: Int, axis: Int) -> [Tensor] {
        let axis = shape.axisIndex(axis)
        precondition(shape[axis] % parts == 0, "split: \(shape) axis \(axis) into \(parts)")
        let size = shape[axis] / parts
        return (0..<parts).map { sliced(axis, ($0 * size)..<(($0 + 1) * size)) }
    }

    /// `[batch, time, heads · size]` as `[batch, heads, time, size]`.
    public func splitHeads(_ heads: Int) -> Tensor {
        precondition(rank == 3 && shape[2] % heads == 0, "splitHeads: \(shape) by \(heads)")
        return reshaped([shape[0], shape[1], heads, shape[2] / heads]).permuted(0, 2, 1, 3)
    }
}
