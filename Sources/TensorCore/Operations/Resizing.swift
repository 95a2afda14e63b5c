// Images in other sizes.

/// Images in other sizes.
package protocol ResizingPrimitives {
    /// `x [batch, channels, spatial…]` to `sizes`: output i reads input `⌊i · n / size⌋`.
    func resizeNearest(_ x: Tensor, to sizes: [Int]) -> Tensor
}

extension Tensor {
    /// `[batch, channels, spatial…]` resized by repeating the nearest element.
    public func resizedNearest(to sizes: [Int]) -> Tensor {
        precondition(sizes.count == rank - 2, "resizedNearest: \(shape) to \(sizes)")
        return backend.resizeNearest(real, to: sizes)
    }
}
