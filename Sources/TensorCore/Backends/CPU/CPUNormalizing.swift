internal import CSouthKernels

extension CPUBackend {
    func layerNorm(_ x: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Float) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty(x.shape)
        withExtendedLifetime((x, weight, bias, y)) {
            south_layer_norm(
                x.shape[0], x.shape[1], x.floatPointer, x.strides[0], weight?.floatPointer,
                bias?.floatPointer, epsilon, y.floatPointer)
        }
        return y
    }

    func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Float) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty(x.shape)
        withExtendedLifetime((x, weight, y)) {
            south_rms_norm(
                x.shape[0], x.shape[1], x.floatPointer, x.strides[0], weight.floatPointer,
                epsilon, y.floatPointer)
        }
        return y
    }

    func groupNorm(
        _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Float,
        activation: Activation
    ) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty(x.shape)
        let (code, slope) = activation.kernelCode
        withExtendedLifetime((x, weight, bias, y)) {
            south_group_norm(
                x.shape[0], x.shape[1], x.shape[2], groups, x.floatPointer, x.strides[0],
                x.strides[1], weight?.floatPointer, bias?.floatPointer, epsilon, code, slope,
                y.floatPointer)
        }
        return y
    }
}
