internal import CSouthKernels

extension CPUBackend {
    func resizeNearest(_ x: Tensor, to sizes: [Int]) -> Tensor {
        let y = empty(Array(x.shape[..<2]) + sizes)
        // Batch and channels as one axis of rows, as a view where there is one.
        let rows = x.reshaped([x.shape[0] * x.shape[1]] + x.shape[2...])
        let missing = 3 - sizes.count
        let ones = [Int](repeating: 1, count: missing)
        let zeros = [Int](repeating: 0, count: missing)
        withExtendedLifetime((rows, y)) {
            south_resize_nearest(
                y.count == 0 ? 0 : rows.shape[0], rows.floatPointer, rows.strides[0],
                ones + rows.shape[1...], zeros + rows.strides[1...], ones + sizes, y.floatPointer)
        }
        return y
    }
}

extension CPUBackend {
    func resample(_ x: Tensor, _ table: ResamplingTable) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty([x.shape[0], table.size, x.shape[2]])
        withExtendedLifetime((x, y)) {
            south_resample(
                x.shape[0], table.count, x.shape[2], x.floatPointer, x.strides, table.size,
                table.taps, table.starts, table.weights, y.floatPointer)
        }
        return y
    }
}
