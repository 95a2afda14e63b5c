internal import CSouthKernels

extension CPUBackend {
    func fourier(_ x: Tensor, inverse: Bool) -> Tensor {
        let x = x.dense()
        let y = empty(x.shape)
        withExtendedLifetime((x, y)) {
            south_fourier(
                x.shape[0], x.shape[1], x.floatPointer, inverse ? 1 : 0, y.floatPointer)
        }
        return y
    }

    func realFourier(_ x: Tensor) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty([x.shape[0], x.shape[1] / 2 + 1, 2])
        withExtendedLifetime((x, y)) {
            south_real_fourier(
                x.shape[0], x.shape[1], x.floatPointer, x.strides[0], y.floatPointer)
        }
        return y
    }

    func inverseRealFourier(_ x: Tensor, count: Int) -> Tensor {
        let x = x.dense()
        let y = empty([x.shape[0], count])
        withExtendedLifetime((x, y)) {
            south_inverse_real_fourier(x.shape[0], count, x.floatPointer, y.floatPointer)
        }
        return y
    }

    func overlapAdd(_ x: Tensor, hop: Int, length: Int) -> Tensor {
        let x = x.dense()
        let y = empty([x.shape[0], length])
        withExtendedLifetime((x, y)) {
            south_overlap_add(
                x.shape[0], x.shape[1], x.shape[2], hop, x.floatPointer, length, y.floatPointer)
        }
        return y
    }
}
