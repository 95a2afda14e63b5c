// Many elements to one.

/// Rows to numbers.
package protocol ReductionPrimitives {
    /// Reduces the last axis of `x [outer, inner]` → `[outer]`. The mean of nothing is NaN, the
    /// greatest of nothing −∞, the least ∞.
    func reduce(_ reduction: Reduction, _ x: Tensor) -> Tensor
    /// The first index of the greatest value of each row: `[outer, inner]` → `int32 [outer]`.
    func argMax(_ x: Tensor) -> Tensor
    /// The sum of each element of a row and those before it: `[outer, inner]`, same shape.
    func cumulativeSum(_ x: Tensor) -> Tensor
}

package enum Reduction: Sendable { case sum, mean, maximum, minimum }

extension Tensor {
    /// This tensor as rows `[outer, inner]` where `inner` runs over `axes`, and the shape that a
    /// reduction leaves.
    private func rows(over axes: [Int]?, keepingAxes: Bool) -> (rows: Tensor, shape: Shape) {
        let reduced = Set((axes ?? Array(shape.indices)).map { shape.axisIndex($0) })
        let kept = shape.indices.filter { !reduced.contains($0) }
        let inner = reduced.sorted()
        let outerCount = kept.map { shape[$0] }.elementCount
        let innerCount = inner.map { shape[$0] }.elementCount
        let result =
            keepingAxes
            ? shape.indices.map { reduced.contains($0) ? 1 : shape[$0] } : kept.map { shape[$0] }
        return (permuted(kept + inner).reshaped([outerCount, innerCount]), result)
    }

    private func reduced(_ reduction: Reduction, _ axes: [Int]?, _ keepingAxes: Bool) -> Tensor {
        let source = real
        let x = source.detached()
        let (rows, shape) = x.rows(over: axes, keepingAxes: keepingAxes)
        let y = backend.reduce(reduction, rows).reshaped(shape)
        guard source.isTracked, GradientScope.isOpen else { return y }
        // As if the reduced axes had been kept, with length one.
        let kept = x.rows(over: axes, keepingAxes: true).shape
        let (full, count) = (x.shape, rows.shape[1])
        switch reduction {
        case .sum:
            return y.recorded(from: source) { $0.reshaped(kept).broadcast(to: full) }
        case .mean:
            return y.recorded(from: source) {
                ($0 * (1 / Float(count))).reshaped(kept).broadcast(to: full)
            }
        case .maximum, .minimum:
            return y.recorded(from: source) { gradient in
                // Those that share the extreme share its gradient.
                let winners = (x .== y.reshaped(kept)).cast(to: .float32)
                let (rows, shape) = winners.rows(over: axes, keepingAxes: true)
                let ties = gradient.backend.reduce(.sum, rows).reshaped(shape)
                return winners * (gradient.reshaped(kept) / ties)
            }
        }
    }

    /// The sum over `axes`, or over everything.
    public func sum(_ axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
        reduced(.sum, axes, keepingAxes)
    }
    /// The mean over `axes`, or over everything.
    public func mean(_ axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
        reduced(.mean, axes, keepingAxes)
    }
    /// The variance over `axes`, or over everything.
    ///
    /// - Parameter correction: taken off the count that divides: 1 is the unbiased estimate
    public func variance(
        _ axes: [Int]? = nil, correction: Int = 1, keepingAxes: Bool = false
    ) -> Tensor {
        let count = rows(over: axes, keepingAxes: false).rows.shape[1]
        let deviations = (self - mean(axes, keepingAxes: true)).squared()
        return deviations.sum(axes, keepingAxes: keepingAxes) * (1 / Float(count - correction))
    }
    /// The greatest over `axes`, or over everything. Those that share it share its gradient.
    public func max(_ axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
        reduced(.maximum, axes, keepingAxes)
    }
    /// The least over `axes`, or over everything. Those that share it share its gradient.
    public func min(_ axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
        reduced(.minimum, axes, keepingAxes)
    }

    /// The sum of each element along `axis` and those before it: `torch.cumsum`.
    public func cumulativeSum(_ axis: Int = -1) -> Tensor {
        let axis = shape.axisIndex(axis)
        let turned = real.transposed(axis, -1)
        let y = backend.cumulativeSum(turned.detached().lastAxisRows).reshaped(turned.shape)
        // An element counts in its own sum and in those behind it.
        return y.recorded(from: turned) { $0.flipped(-1).cumulativeSum().flipped(-1) }
            .transposed(axis, -1)
    }

    /// The first index of the greatest element along `axis`, which disappears; `int32`.
    public func argMax(_ axis: Int = -1) -> Tensor {
        // Beyond 2²⁴ neighbouring integers are one `float32`.
        if !dtype.isFloatingPoint { return firstInOrder(axis, descending: true) }
        let (rows, shape) = detached().real.rows(over: [axis], keepingAxes: false)
        precondition(rows.shape[1] > 0, "argMax: axis \(axis) of shape \(self.shape) is empty")
        return backend.argMax(rows).reshaped(shape)
    }

    /// This tensor's last axis as the rows of `[outer, inner]`.
    var lastAxisRows: Tensor {
        precondition(rank > 0, "a scalar has no last axis")
        return reshaped([shape.dropLast().reduce(1, *), shape[rank - 1]])
    }

    /// Divided by its Euclidean norm over the last axis, which counts as at least `epsilon`.
    public func normalized(epsilon: Float = 1e-12) -> Tensor {
        let norm = squared().sum([-1], keepingAxes: true).squareRoot()
        return self / norm.clamped(to: epsilon...Float.infinity)
    }
}

extension Tensor {
    /// The sum over what broadcasting to this shape repeated, of shape `shape`.
    func summed(to shape: Shape) -> Tensor {
        if shape == self.shape { return self }
        let lead = rank - shape.count
        let repeated = self.shape.indices.filter {
            $0 < lead || (shape[$0 - lead] == 1 && self.shape[$0] != 1)
        }
        return sum(repeated, keepingAxes: true).reshaped(shape)
    }
}
