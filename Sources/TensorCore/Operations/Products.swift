// Matrix products.

/// Matrix products.
package protocol ProductPrimitives {
    /// `a [batch, m, k]` times `b [batch, k, n]` → `[batch, m, n]`; b also in a type of blocks.
    func matmul(_ a: Tensor, _ b: Tensor) -> Tensor
    /// `activation(x · weightᵀ + bias) (+ residual)`: `x [m, k]`, `weight [n, k]` dense in
    /// `float32`, `bfloat16`, `float16` or blocks, `bias` dense `[n]`, `residual [m, n]`.
    func linear(
        _ x: Tensor, weight: Tensor, bias: Tensor?, activation: Activation, residual: Tensor?
    ) -> Tensor
}

extension Tensor {
    /// The matrix product over the last two axes, with broadcasting over the others. A vector on
    /// the right counts as a column. One matrix of blocks on the right is read as it is stored.
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
        if rightBatch.isEmpty {
            // One matrix for all: one product.
            let right = other.dtype.isBlocked ? other : other.real
            return Tensor.product(
                real.reshaped([1, leftBatch.elementCount * m, k]), right.unsqueezed(0)
            ).reshaped(batch + [m, n])
        }
        let a = real.broadcast(to: batch + [m, k]).reshaped([batch.elementCount, m, k])
        let b = other.real.broadcast(to: batch + [k, n]).reshaped([batch.elementCount, k, n])
        return Tensor.product(a, b).reshaped(batch + [m, n])
    }

    /// `[batch, m, k]` times `[batch, k, n]`; to a it passes `g · bᵀ`, to b `aᵀ · g`.
    private static func product(_ left: Tensor, _ right: Tensor) -> Tensor {
        let (a, b) = (left.detached(), right.detached())
        let (toLeft, toRight) = (left.isTracked, right.isTracked)
        // Blocks cannot be turned, but as the weight of a linear map they are read turned.
        @Sendable func timesTurned(_ gradient: Tensor) -> Tensor {
            guard b.dtype.isBlocked else {
                return gradient.backend.matmul(gradient, b.transposed())
            }
            return gradient.backend.linear(
                gradient.squeezed(0), weight: b.squeezed(0), bias: nil, activation: .identity,
                residual: nil
            ).unsqueezed(0)
        }
        return a.backend.matmul(a, b).recorded(from: [left, right]) { gradient in
            [
                toLeft ? timesTurned(gradient) : nil,
                toRight ? gradient.backend.matmul(a.transposed(), gradient) : nil,
            ]
        }
    }

    /// `activation(x · weightᵀ + bias) (+ residual)` over the last axis: `[…, inputs]` →
    /// `[…, outputs]`; `weight [outputs, inputs]` in any floating type, or in blocks.
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
        let operands = [
            real.lastAxisRows, (weight.dtype.isBlocked ? weight : weight.computable).dense(),
            bias?.real.dense(), residual?.real.lastAxisRows,
        ]
        let isRecorded = GradientScope.isOpen && operands.contains { $0?.isTracked ?? false }
        if isRecorded && activation != .identity {
            // What the activation got has to be kept: it is an operation of its own.
            let y = linear(weight, bias: bias).activated(activation)
            return residual.map { y + $0.real } ?? y
        }
        return Tensor.affine(operands, activation).reshaped(result)
    }

    /// Of x `[m, k]`, a weight `[n, k]`, a bias `[n]` and a residual `[m, n]`; recorded only without
    /// an activation.
    private static func affine(_ operands: [Tensor?], _ activation: Activation) -> Tensor {
        let values = operands.map { $0?.detached() }
        let isTracked = operands.map { $0?.isTracked ?? false }
        guard let x = values[0], let weight = values[1] else {
            preconditionFailure("linear: without operands")
        }
        return x.backend.linear(
            x, weight: weight, bias: values[2], activation: activation, residual: values[3]
        ).recorded(from: operands) { gradient in
            // Frozen weights are read as they are stored, whatever their type.
            let backend = gradient.backend
            let toInput =
                isTracked[0]
                ? backend.matmul(gradient.unsqueezed(0), weight.unsqueezed(0)).squeezed(0) : nil
            let toWeight =
                isTracked[1]
                ? backend.matmul(gradient.transposed().unsqueezed(0), x.unsqueezed(0)).squeezed(0)
                : nil
            let toBias = isTracked[2] ? gradient.sum([0]) : nil
            return [toInput, toWeight, toBias, gradient]
        }
    }

    /// This weight in a type that kernels read: 64-bit ones become `float32`.
    var computable: Tensor {
        switch dtype {
        case .float32, .bfloat16, .float16: self
        default: real
        }
    }
}
