import TensorCore

extension Tensor {
    /// Gives `body` the elements in order, a few million at a time: a table of embeddings as
    /// `float32` would be larger than many machines' memory.
    func forEachStretch(_ body: (Tensor) throws -> Void) rethrows {
        let width = shape.dropFirst().reduce(1, *)
        guard rank > 0, count > Self.longestStretch, width > 0 else { return try body(self) }
        let rows = Swift.max(1, Self.longestStretch / width)
        for start in stride(from: 0, to: shape[0], by: rows) {
            try body(sliced(0, start..<Swift.min(start + rows, shape[0])))
        }
    }

    private static var longestStretch: Int { 1 << 22 }
}
