// Matrix products.

/// Matrix products.
package protocol ProductPrimitives {
    /// `a [batch, m, k]` times `b [batch, k, n]` → `[batch, m, n]`.
    func matmul(_ a: Tensor, _ b: Tensor) -> Tensor
    /// `activation(x · weightᵀ + bias) (+ residual)`: `x [m, k]`, `weight [n, k]` dense in
    /// `float32`, `bfloat16` or `float16`, `bias` dense `[n]`, `residual [m, n]`.
    func linear(
        _ x: Tensor, weight: Tensor, bias: Tensor?, activation: Activation, residual: Tensor?
    ) -> Tensor
}

extension Tensor {
    /// The matrix product over the last two axes, with broadcasting over the others. A vector on
    /// the right counts as a column.
    public func matmul(_ other: Tensor) -> Tensor {
        if other.rank == 1 { return matmul(other.unsqueezed(1)).squeezed(-1) }
        precondition(
            rank >= 2 && shape[rank - 1] == other.shape[other.rank - 2],
            "matmul: \(shape) times \(other.shape)")
        let (m, k, n) = (shape[rank - 2], shape[rank - 1], other.shape[other.rank - 1])
        let (leftBatch, rightBatch) = (Array(shape.dropLast(2)), Array(other.shape.dropLast(2)))
        guard let batch = leftBatch.broadcast(with: rightBatch) else {
            preconditionFailure("matmul: \(shape) times \(other.shape)")
        }
        let a = real.broadcast(to: batch + [m, k]).reshaped([batch.elementCount, m, k])
        let b = other.real.broadcast(to: batch + [k, n]).reshaped([batch.elementCount, k, n])
        return backend.matmul(a, b).reshaped(batch + [m, n])
    }

    /// `activation(x · weightᵀ + bias) (+ residual)` over the last axis: `[…, inputs]` →
    /// `[…, outputs]`; `weight [outputs, inputs]` in any floating type.
    public func linear(
        _ weight: Tensor, bias: Tensor? = nil, activation: Activation = .identity,
        residual: Tensor? = nil
    ) -> Tensor {
        precondition(
            weight.rank == 2 && rank >= 1 && shape[rank - 1] == weight.shape[1],
            "linear: \(shape) by weight \(weight.shape)")
        let outputs = weight.shape[0]
        precondition(
            bias.map { $0.shape == [outputs] } ?? true,
            "linear: weight \(weight.shape), bias \(bias?.shape ?? [])")
        let result = Array(shape.dropLast()) + [outputs]
        precondition(
            residual.map { $0.shape == result } ?? true,
            "linear: result \(result), residual \(residual?.shape ?? [])")
        return backend.linear(
            real.lastAxisRows, weight: weight.computable.dense(), bias: bias?.real.dense(),
            activation: activation, residual: residual?.real.lastAxisRows
        ).reshaped(result)
    }

    /// This weight in a type that kernels read: 64-bit ones become `float32`.
    var computable: Tensor {
        switch dtype {
        case .float32, .bfloat16, .float16: self
        default: real
        }
    }
}
