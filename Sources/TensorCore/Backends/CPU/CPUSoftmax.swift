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

    func softmaxGradient(_ y: Tensor, _ gradient: Tensor, logarithm: Bool) -> Tensor {
        let (y, gradient, result) = (y.dense(), gradient.dense(), empty(y.shape))
        withExtendedLifetime((y, gradient, result)) {
            south_softmax_gradient(
                y.shape[0], y.shape[1], y.floatPointer, gradient.floatPointer, logarithm ? 1 : 0,
                result.floatPointer)
        }
        return result
    }

    func crossEntropy(
        _ logits: Tensor, targets: Tensor, ignored: Int32
    ) -> (losses: Tensor, logSums: Tensor) {
        let x = logits.withAdjacentLastAxis
        let (losses, logSums) = (empty([x.shape[0]]), empty([x.shape[0]]))
        withExtendedLifetime((x, targets, losses, logSums)) {
            south_cross_entropy(
                x.shape[0], x.shape[1], x.floatPointer, x.strides[0],
                targets.bytes.assumingMemoryBound(to: Int32.self), ignored, losses.floatPointer,
                logSums.floatPointer)
        }
        return (losses, logSums)
    }

    func crossEntropyGradient(
        _ logits: Tensor, targets: Tensor, ignored: Int32, logSums: Tensor, gradient: Tensor
    ) -> Tensor {
        let (x, gradient, result) = (
            logits.withAdjacentLastAxis, gradient.dense(), empty(logits.shape)
        )
        withExtendedLifetime((x, targets, logSums, gradient, result)) {
            south_cross_entropy_gradient(
                x.shape[0], x.shape[1], x.floatPointer, x.strides[0],
                targets.bytes.assumingMemoryBound(to: Int32.self), ignored, logSums.floatPointer,
                gradient.floatPointer, result.floatPointer)
        }
        return result
    }
}
