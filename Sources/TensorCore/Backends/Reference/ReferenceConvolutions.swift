extension ReferenceBackend {
    func convolution(
        _ x: Tensor, weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry
    ) -> Tensor {
        let (sizes, kernel) = (Array(x.shape.dropFirst(2)), Array(weight.shape.dropFirst(2)))
        let outputSizes = geometry.outputSizes(sizes, kernel: kernel)
        let (batch, inputs, outputs) = (x.shape[0], x.shape[1], weight.shape[0])
        let (all, w) = (values(x), values(cast(weight, to: .float32)))
        let (inner, outer) = (sizes.elementCount, outputSizes.elementCount)
        let (taps, links) = (kernel.elementCount, geometry.links(sizes, outputSizes, kernel))
        var sums = starts(batch, outputs, outer, bias)
        for (input, output, pair) in geometry.pairs(inputs, outputs) {
            for item in 0..<batch {
                let (from, to) = (
                    (item * inputs + input) * inner, (item * outputs + output) * outer
                )
                for link in links {
                    sums[to + link.grid] +=
                        Double(all[from + link.image]) * Double(w[pair * taps + link.tap])
                }
            }
        }
        return tensor(sums.map { Float($0) }, [batch, outputs] + outputSizes)
    }

    func transposedConvolution(
        _ x: Tensor, weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry
    ) -> Tensor {
        let (sizes, kernel) = (Array(x.shape.dropFirst(2)), Array(weight.shape.dropFirst(2)))
        let outputSizes = geometry.transposedSizes(sizes, kernel: kernel)
        let (batch, inputs) = (x.shape[0], x.shape[1])
        let outputs = weight.shape[1] * geometry.groups
        let (all, w) = (values(x), values(cast(weight, to: .float32)))
        let (inner, outer) = (sizes.elementCount, outputSizes.elementCount)
        let (taps, links) = (kernel.elementCount, geometry.links(outputSizes, sizes, kernel))
        var sums = starts(batch, outputs, outer, bias)
        // The convolution that this is the transpose of goes from our outputs to our inputs.
        for (output, input, pair) in geometry.pairs(outputs, inputs) {
            for item in 0..<batch {
                let (from, to) = (
                    (item * inputs + input) * inner, (item * outputs + output) * outer
                )
                for link in links {
                    sums[to + link.image] +=
                        Double(all[from + link.grid]) * Double(w[pair * taps + link.tap])
                }
            }
        }
        return tensor(sums.map { Float($0) }, [batch, outputs] + outputSizes)
    }

    func convolutionWeightGradient(
        _ x: Tensor, gradient: Tensor, kernel: [Int], _ geometry: ConvolutionGeometry
    ) -> Tensor {
        let (sizes, outputSizes) = (Array(x.shape.dropFirst(2)), Array(gradient.shape.dropFirst(2)))
        let (batch, inputs, outputs) = (x.shape[0], x.shape[1], gradient.shape[1])
        let (all, arrived) = (values(x), values(gradient))
        let (inner, outer) = (sizes.elementCount, outputSizes.elementCount)
        let (taps, links) = (kernel.elementCount, geometry.links(sizes, outputSizes, kernel))
        let shape = [outputs, inputs / geometry.groups] + kernel
        var sums = [Double](repeating: 0, count: shape.elementCount)
        for (input, output, pair) in geometry.pairs(inputs, outputs) {
            for item in 0..<batch {
                let (from, to) = (
                    (item * inputs + input) * inner, (item * outputs + output) * outer
                )
                for link in links {
                    sums[pair * taps + link.tap] +=
                        Double(all[from + link.image]) * Double(arrived[to + link.grid])
                }
            }
        }
        return tensor(sums.map { Float($0) }, shape)
    }

    /// A result `[batch, outputs, outer]` that holds the bias.
    private func starts(_ batch: Int, _ outputs: Int, _ outer: Int, _ bias: Tensor?) -> [Double] {
        let b = bias.map(values) ?? [Float](repeating: 0, count: outputs)
        return (0..<(batch * outputs * outer)).map { Double(b[$0 / outer % outputs]) }
    }
}

extension ConvolutionGeometry {
    /// Which element of an image each element of the grid of results meets at which tap.
    fileprivate func links(
        _ image: [Int], _ grid: [Int], _ kernel: [Int]
    ) -> [(image: Int, grid: Int, tap: Int)] {
        var links: [(image: Int, grid: Int, tap: Int)] = []
        let offsets = kernel.places
        for (index, place) in grid.places.enumerated() {
            for (tap, offset) in offsets.enumerated() {
                let seen = image.indices.map { axis in
                    place[axis] * stride[axis] - before[axis] + offset[axis] * dilation[axis]
                }
                if let position = image.position(seen) { links.append((position, index, tap)) }
            }
        }
        return links
    }

    /// The channels that meet, and the place of their kernel in `weight [outputs, inputs / groups]`.
    fileprivate func pairs(
        _ inputs: Int, _ outputs: Int
    ) -> [(input: Int, output: Int, pair: Int)] {
        let (perGroup, outputsPerGroup) = (inputs / groups, outputs / groups)
        return (0..<outputs).flatMap { output in
            (0..<perGroup).map { channel in
                let input = output / outputsPerGroup * perGroup + channel
                return (input, output, output * perGroup + channel)
            }
        }
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
