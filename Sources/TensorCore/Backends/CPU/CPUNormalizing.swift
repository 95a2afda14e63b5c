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

    private func rowNormGradient(
        _ x: Tensor, weight: Tensor?, epsilon: Float, centred: Bool, gradient: Tensor
    ) -> NormGradients {
        let (x, gradient, inner) = (x.withAdjacentLastAxis, gradient.dense(), x.shape[1])
        let (toX, toWeight) = (empty(x.shape), empty([inner]))
        let toBias = centred ? empty([inner]) : nil
        withExtendedLifetime((x, weight, gradient, toX, toWeight, toBias)) {
            south_row_norm_gradient(
                x.shape[0], inner, x.floatPointer, x.strides[0], weight?.floatPointer, epsilon,
                centred ? 1 : 0, gradient.floatPointer, toX.floatPointer, toWeight.floatPointer,
                toBias?.floatPointer)
        }
        return NormGradients(x: toX, weight: toWeight, bias: toBias)
    }

    func layerNormGradient(
        _ x: Tensor, weight: Tensor?, epsilon: Float, gradient: Tensor
    ) -> NormGradients {
        rowNormGradient(x, weight: weight, epsilon: epsilon, centred: true, gradient: gradient)
    }

    func rmsNormGradient(
        _ x: Tensor, weight: Tensor, epsilon: Float, gradient: Tensor
    ) -> NormGradients {
        rowNormGradient(x, weight: weight, epsilon: epsilon, centred: false, gradient: gradient)
    }

    func groupNormGradient(
        _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Float,
        activation: Activation, gradient: Tensor
    ) -> NormGradients {
        let (x, gradient) = (x.withAdjacentLastAxis, gradient.dense())
        let (batch, channels) = (x.shape[0], x.shape[1])
        let toX = empty(x.shape)
        let (toWeight, toBias) = (empty([batch, channels]), empty([batch, channels]))
        let (code, slope) = activation.kernelCode
        withExtendedLifetime((x, weight, bias, gradient, toX, toWeight, toBias)) {
            south_group_norm_gradient(
                batch, channels, x.shape[2], groups, x.floatPointer, x.strides[0], x.strides[1],
                weight?.floatPointer, bias?.floatPointer, epsilon, code, slope,
                gradient.floatPointer, toX.floatPointer, toWeight.floatPointer,
                toBias.floatPointer)
        }
        return NormGradients(
            x: toX, weight: reduce(.sum, toWeight.transposed()),
            bias: reduce(.sum, toBias.transposed()))
    }
}
