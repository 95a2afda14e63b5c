extension ReferenceBackend {
    func convolution(
        _ x: Tensor, weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry
    ) -> Tensor {
        let (sizes, kernel) = (Array(x.shape.dropFirst(2)), Array(weight.shape.dropFirst(2)))
        let outputSizes = geometry.outputSizes(sizes, kernel: kernel)
        let (batch, inputs, outputs) = (x.shape[0], x.shape[1], weight.shape[0])
        let (perGroup, outputsPerGroup) = (weight.shape[1], outputs / geometry.groups)
        let (all, w, b) = (values(x), values(cast(weight, to: .float32)), bias.map(values))
        let (inner, taps) = (sizes.elementCount, kernel.elementCount)
        let places = outputSizes.places
        let offsets = kernel.places
        var results: [Float] = []
        for item in 0..<batch {
            for output in 0..<outputs {
                let firstInput = output / outputsPerGroup * perGroup
                for place in places {
                    var sum = Double(b?[output] ?? 0)
                    for (tap, offset) in offsets.enumerated() {
                        let source = sizes.indices.map { axis in
                            place[axis] * geometry.stride[axis] - geometry.before[axis]
                                + offset[axis] * geometry.dilation[axis]
                        }
                        guard let position = sizes.position(source) else { continue }
                        for channel in 0..<perGroup {
                            sum +=
                                Double(w[(output * perGroup + channel) * taps + tap])
                                * Double(
                                    all[(item * inputs + firstInput + channel) * inner + position])
                        }
                    }
                    results.append(Float(sum))
                }
            }
        }
        return tensor(results, [batch, outputs] + outputSizes)
    }

    func transposedConvolution(
        _ x: Tensor, weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry
    ) -> Tensor {
        let (sizes, kernel) = (Array(x.shape.dropFirst(2)), Array(weight.shape.dropFirst(2)))
        let outputSizes = geometry.transposedSizes(sizes, kernel: kernel)
        let (batch, inputs, perGroup) = (x.shape[0], x.shape[1], weight.shape[1])
        let (outputs, inputsPerGroup) = (perGroup * geometry.groups, inputs / geometry.groups)
        let (all, w, b) = (values(x), values(cast(weight, to: .float32)), bias.map(values))
        let (inner, outer, taps) = (
            sizes.elementCount, outputSizes.elementCount, kernel.elementCount
        )
        var sums = [Double](repeating: 0, count: batch * outputs * outer)
        for index in sums.indices { sums[index] = Double(b?[index / outer % outputs] ?? 0) }
        for item in 0..<batch {
            for input in 0..<inputs {
                for (index, place) in sizes.places.enumerated() {
                    let value = Double(all[(item * inputs + input) * inner + index])
                    for (tap, offset) in kernel.places.enumerated() {
                        let target = sizes.indices.map { axis in
                            place[axis] * geometry.stride[axis] - geometry.before[axis]
                                + offset[axis] * geometry.dilation[axis]
                        }
                        guard let position = outputSizes.position(target) else { continue }
                        for channel in 0..<perGroup {
                            let output = input / inputsPerGroup * perGroup + channel
                            sums[(item * outputs + output) * outer + position] +=
                                value * Double(w[(input * perGroup + channel) * taps + tap])
                        }
                    }
                }
            }
        }
        return tensor(sums.map { Float($0) }, [batch, outputs] + outputSizes)
    }
}

extension [Int] {
    /// Every index of a tensor of this shape, in row-major order.
    var places: [[Int]] {
        reduce([[]]) { prefixes, size in
            prefixes.flatMap { prefix in (0..<size).map { prefix + [$0] } }
        }
    }

    /// The row-major position of an index, or nil outside this shape.
    fileprivate func position(_ index: [Int]) -> Int? {
        var position = 0
        for (size, value) in zip(self, index) {
            guard (0..<size).contains(value) else { return nil }
            position = position * size + value
        }
        return position
    }
}
