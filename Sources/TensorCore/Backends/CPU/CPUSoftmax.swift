internal import CSouthKernels

extension CPUBackend {
    func softmax(_ x: Tensor, logarithm: Bool) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty(x.shape)
        withExtendedLifetime((x, y)) {
            south_softmax(
                x.shape[0], x.shape[1], x.floatPointer, x.strides[0], logarithm ? 1 : 0,
                y.floatPointer)
        }
        return y
    }
}
