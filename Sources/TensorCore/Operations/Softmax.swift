// Probabilities of rows.

/// Softmax of rows.
package protocol SoftmaxPrimitives {
    /// Softmax, or its logarithm, over the last axis of `[outer, inner]`.
    func softmax(_ x: Tensor, logarithm: Bool) -> Tensor
}

extension Tensor {
    /// Softmax over the last axis.
    public func softmax() -> Tensor {
        backend.softmax(real.lastAxisRows, logarithm: false).reshaped(shape)
    }
    /// The logarithm of the softmax over the last axis.
    public func logSoftmax() -> Tensor {
        backend.softmax(real.lastAxisRows, logarithm: true).reshaped(shape)
    }
}
