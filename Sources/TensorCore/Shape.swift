/// The length of each axis, outermost first. `[]` is a scalar.
public typealias Shape = [Int]

extension Shape {
    /// Elements of a tensor of this shape; 1 for a scalar.
    public var elementCount: Int { reduce(1, *) }

    /// The strides, in elements, of a dense row-major tensor of this shape.
    public var rowMajorStrides: [Int] {
        var strides = [Int](repeating: 1, count: count)
        for axis in indices.dropLast().reversed() {
            strides[axis] = strides[axis + 1] * self[axis + 1]
        }
        return strides
    }

    /// `axis` counted from the front, where a negative one counts from the back.
    func axisIndex(_ axis: Int) -> Int {
        let index = axis < 0 ? axis + count : axis
        precondition(indices.contains(index), "axis \(axis) of a tensor of shape \(self)")
        return index
    }

    /// The shape two tensors broadcast to, by NumPy's rule, or nil where they cannot.
    public func broadcast(with other: Shape) -> Shape? {
        var result = Shape(repeating: 1, count: Swift.max(count, other.count))
        for back in 1..<(result.count + 1) {
            let (a, b) = (
                back <= count ? self[count - back] : 1,
                back <= other.count ? other[other.count - back] : 1
            )
            guard a == b || a == 1 || b == 1 else { return nil }
            result[result.count - back] = a == 1 ? b : a
        }
        return result
    }

    /// The axes that a tensor of a file may have, as many as any kernel takes.
    static var mostAxes: Int { 8 }

    /// The product of the sizes, or nil where a size is negative or the product overflows: for
    /// shapes that come from files. A size of zero hides no other: strides are products too.
    public var checkedElementCount: Int? {
        var product = 1
        for size in self where size != 0 {
            guard size > 0 else { return nil }
            let (next, overflow) = product.multipliedReportingOverflow(by: size)
            if overflow { return nil }
            product = next
        }
        return contains(0) ? 0 : product
    }
}
