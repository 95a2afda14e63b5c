internal import CSouthKernels

// Convolutions. The kernels know three spatial axes; where there are fewer, leading ones of
// length one are added.

extension CPUBackend {
    func convolution(
        _ x: Tensor, weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry
    ) -> Tensor {
        let kernel = Array(weight.shape[2...])
        let sizes = geometry.outputSizes(Array(x.shape[2...]), kernel: kernel)
        let y = empty([x.shape[0], weight.shape[0]] + sizes)
        var plan = plan(x, kernel, sizes, outputs: weight.shape[0], geometry)
        let strides = strides(x)
        withExtendedLifetime((x, weight, bias, y)) {
            south_convolution(
                &plan, x.floatPointer, strides, weight.bytes, weight.dtype.kernelCode,
                bias?.floatPointer, y.floatPointer)
        }
        return y
    }

    func transposedConvolution(
        _ x: Tensor, weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry
    ) -> Tensor {
        let kernel = Array(weight.shape[2...])
        let sizes = geometry.transposedSizes(Array(x.shape[2...]), kernel: kernel)
        let outputs = weight.shape[1] * geometry.groups
        let y = empty([x.shape[0], outputs] + sizes)
        var plan = plan(x, kernel, sizes, outputs: outputs, geometry)
        let strides = strides(x)
        withExtendedLifetime((x, weight, bias, y)) {
            south_transposed_convolution(
                &plan, x.floatPointer, strides, weight.bytes, weight.dtype.kernelCode,
                bias?.floatPointer, y.floatPointer)
        }
        return y
    }

    func convolutionWeightGradient(
        _ x: Tensor, gradient: Tensor, kernel: [Int], _ geometry: ConvolutionGeometry
    ) -> Tensor {
        let outputs = gradient.shape[1]
        let result = empty([outputs, x.shape[1] / geometry.groups] + kernel)
        var plan = plan(x, kernel, Array(gradient.shape[2...]), outputs: outputs, geometry)
        let strides = strides(x)
        withExtendedLifetime((x, gradient, result)) {
            south_convolution_weight_gradient(
                &plan, x.floatPointer, strides, gradient.floatPointer, result.floatPointer)
        }
        return result
    }

    /// Of batch, channel, and three spatial axes.
    private func strides(_ x: Tensor) -> [Int] {
        let missing = [Int](repeating: 0, count: 5 - x.rank)
        return Array(x.strides[..<2]) + missing + Array(x.strides[2...])
    }

    private func plan(
        _ x: Tensor, _ kernel: [Int], _ sizes: [Int], outputs: Int,
        _ geometry: ConvolutionGeometry
    ) -> south_convolution_shape {
        /// Three numbers, `filler` for the axes that are missing.
        func triple(_ values: [Int], _ filler: Int) -> (Int, Int, Int) {
            let all = [Int](repeating: filler, count: 3 - values.count) + values
            return (all[0], all[1], all[2])
        }
        var plan = south_convolution_shape()
        (plan.batch, plan.inputs, plan.outputs) = (x.shape[0], x.shape[1], outputs)
        plan.groups = geometry.groups
        plan.spatial = triple(Array(x.shape[2...]), 1)
        plan.kernel = triple(kernel, 1)
        plan.result = triple(sizes, 1)
        plan.stride = triple(geometry.stride, 1)
        plan.before = triple(geometry.before, 0)
        plan.dilation = triple(geometry.dilation, 1)
        return plan
    }
}
