internal import CSouthKernels

extension CPUBackend {
    func order(
        _ x: Tensor, count: Int, descending: Bool
    ) -> (values: Tensor, indices: Tensor) {
        let x = x.withAdjacentLastAxis
        let (outer, inner) = (x.shape[0], x.shape[1])
        let (values, indices) = (empty([outer, count], x.dtype), empty([outer, count], .int32))
        withExtendedLifetime((x, values, indices)) {
            south_order(
                outer, inner, count, x.bytes, x.strides[0], x.dtype.kernelCode,
                descending ? 1 : 0, values.bytes,
                indices.bytes.assumingMemoryBound(to: Int32.self))
        }
        return (values, indices)
    }
}
