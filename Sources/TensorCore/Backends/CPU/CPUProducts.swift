internal import CSouthKernels

// Matrix products.

extension CPUBackend {
    /// A batch of matrices as the kernel takes them: of the last two axes one is adjacent in memory and
    /// the other's rows do not overlap. Copies where they are not.
    private func matrices(_ x: Tensor) -> (tensor: Tensor, strides: [Int]) {
        let (rows, columns) = (x.shape[1], x.shape[2])
        // The step along an axis of length one means nothing: the one that fits will do.
        let rowStride = rows == 1 ? max(columns, 1) : x.strides[1]
        if (x.strides[2] == 1 || columns == 1) && rowStride >= max(columns, 1) {
            return (x, [x.strides[0], rowStride, 1])
        }
        let columnStride = columns == 1 ? max(rows, 1) : x.strides[2]
        if (x.strides[1] == 1 || rows == 1) && columnStride >= max(rows, 1) {
            return (x, [x.strides[0], 1, columnStride])
        }
        let dense = copy(x)
        return (dense, [rows * columns, max(columns, 1), 1])
    }

    func matmul(_ a: Tensor, _ b: Tensor) -> Tensor {
        let ((left, leftStrides), (right, rightStrides)) = (matrices(a), matrices(b))
        let y = empty([a.shape[0], a.shape[1], b.shape[2]])
        withExtendedLifetime((left, right, y)) {
            south_matmul(
                a.shape[0], a.shape[1], b.shape[2], a.shape[2], left.floatPointer, leftStrides,
                right.bytes, right.dtype.kernelCode, rightStrides, y.floatPointer)
        }
        return y
    }

    /// Rows `[m, k]` with adjacent elements that do not overlap, and their distance.
    private func rows(_ x: Tensor) -> (tensor: Tensor, stride: Int) {
        let (m, k) = (x.shape[0], x.shape[1])
        let x = x.withAdjacentLastAxis
        if m <= 1 { return (x, max(k, 1)) }
        return x.strides[0] >= max(k, 1) ? (x, x.strides[0]) : (copy(x), max(k, 1))
    }

    func linear(
        _ x: Tensor, weight: Tensor, bias: Tensor?, activation: Activation, residual: Tensor?
    ) -> Tensor {
        let (m, n, k) = (x.shape[0], weight.shape[0], x.shape[1])
        let (input, inputStride) = rows(x)
        let rest = residual?.withAdjacentLastAxis
        let (code, slope) = activation.kernelCode
        let y = empty([m, n])
        withExtendedLifetime((input, weight, bias, rest, y)) {
            south_linear(
                m, n, k, input.floatPointer, inputStride, weight.bytes, weight.dtype.kernelCode,
                bias?.floatPointer, code, slope, rest?.floatPointer, rest?.strides[0] ?? 0,
                y.floatPointer)
        }
        return y
    }
}
