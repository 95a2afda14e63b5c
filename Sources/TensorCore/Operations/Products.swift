// Matrix products, look-ups and convolutions.

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
    private var computable: Tensor {
        switch dtype {
        case .float32, .bfloat16, .float16: self
        default: real
        }
    }

    /// The rows of this table `[count, width]` that `ids […]` names → `[…, width]`, `float32`.
    public func rows(at ids: Tensor) -> Tensor {
        precondition(rank == 2 && !ids.dtype.isFloatingPoint, "rows: \(shape) at \(ids.dtype)")
        let flat = ids.cast(to: .int32).dense().flattened()
        return backend.embedding(dense(), ids: flat).reshaped(ids.shape + [shape[1]])
    }

    /// Cross-correlation of `[batch, in, spatial…]` with `weight [out, in / groups, kernel…]`.
    public func convolved(
        with weight: Tensor, bias: Tensor? = nil, _ geometry: ConvolutionGeometry
    ) -> Tensor {
        checkConvolution("convolved", weight, geometry, inputs: weight.shape[1] * geometry.groups)
        return backend.convolution(
            real, weight: weight.computable.dense(), bias: bias?.real.dense(), geometry)
    }

    /// Transposed convolution of `[batch, in, spatial…]` with `weight [in, out / groups, kernel…]`.
    public func transposeConvolved(
        with weight: Tensor, bias: Tensor? = nil, _ geometry: ConvolutionGeometry
    ) -> Tensor {
        checkConvolution("transposeConvolved", weight, geometry, inputs: weight.shape[0])
        return backend.transposedConvolution(
            real, weight: weight.computable.dense(), bias: bias?.real.dense(), geometry)
    }

    private func checkConvolution(
        _ name: String, _ weight: Tensor, _ geometry: ConvolutionGeometry, inputs: Int
    ) {
        precondition(
            rank == weight.rank && (3...5).contains(rank) && shape[1] == inputs
                && geometry.stride.count == rank - 2 && geometry.before.count == rank - 2
                && geometry.after.count == rank - 2 && geometry.dilation.count == rank - 2,
            "\(name): \(shape) with weight \(weight.shape), \(geometry)")
    }

    /// `[batch, channels, spatial…]` resized by repeating the nearest element.
    public func resizedNearest(to sizes: [Int]) -> Tensor {
        precondition(sizes.count == rank - 2, "resizedNearest: \(shape) to \(sizes)")
        return backend.resizeNearest(real, to: sizes)
    }
}
