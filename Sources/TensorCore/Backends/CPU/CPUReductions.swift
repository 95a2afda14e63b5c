internal import CSouthKernels

extension CPUBackend {
    func reduce(_ reduction: Reduction, _ x: Tensor) -> Tensor {
        let y = empty([x.shape[0]])
        let code =
            switch reduction {
            case .sum: SOUTH_SUM
            case .mean: SOUTH_MEAN
            case .maximum: SOUTH_GREATEST
            case .minimum: SOUTH_LEAST
            }
        // Rows that lie side by side are reduced without turning them.
        if x.shape[0] > 1, x.shape[1] > 1, x.strides[0] == 1, x.strides[1] != 1 {
            withExtendedLifetime((x, y)) {
                south_reduce_columns(
                    Int32(code), x.shape[1], x.shape[0], x.floatPointer, x.strides[1],
                    y.floatPointer)
            }
            return y
        }
        let x = x.withAdjacentLastAxis
        withExtendedLifetime((x, y)) {
            south_reduce(
                Int32(code), x.shape[0], x.shape[1], x.floatPointer, x.strides[0],
                y.floatPointer)
        }
        return y
    }

    func argMax(_ x: Tensor) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty([x.shape[0]], .int32)
        withExtendedLifetime((x, y)) {
            south_arg_max(
                x.shape[0], x.shape[1], x.floatPointer, x.strides[0],
                y.bytes.assumingMemoryBound(to: Int32.self))
        }
        return y
    }

    func cumulativeSum(_ x: Tensor) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty(x.shape)
        withExtendedLifetime((x, y)) {
            south_cumulative_sum(
                x.shape[0], x.shape[1], x.floatPointer, x.strides[0], y.floatPointer)
        }
        return y
    }
}
