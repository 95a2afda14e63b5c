import Glibc

extension ReferenceBackend {
    func matmul(_ a: Tensor, _ b: Tensor) -> Tensor {
        let (batch, m, k, n) = (a.shape[0], a.shape[1], a.shape[2], b.shape[2])
        let (x, y) = (values(a), values(b))
        var results = [Float](repeating: 0, count: batch * m * n)
        for item in 0..<batch {
            for row in 0..<m {
                for column in 0..<n {
                    var sum = 0.0
                    for index in 0..<k {
                        sum +=
                            Double(x[(item * m + row) * k + index])
                            * Double(y[(item * k + index) * n + column])
                    }
                    results[(item * m + row) * n + column] = Float(sum)
                }
            }
        }
        return tensor(results, [batch, m, n])
    }

    func linear(
        _ x: Tensor, weight: Tensor, bias: Tensor?, activation: Activation, residual: Tensor?
    ) -> Tensor {
        let w = cast(weight, to: .float32)
        let product = matmul(
            x.unsqueezed(0), w.transposed().unsqueezed(0)
        ).squeezed(0)
        let n = weight.shape[0]
        let (b, r) = (bias.map(values), residual.map(values))
        let results = values(product).enumerated().map { index, value in
            activation(value + (b?[index % n] ?? 0)) + (r?[index] ?? 0)
        }
        return tensor(results, product.shape)
    }

    func embedding(_ table: Tensor, ids: Tensor) -> Tensor {
        let width = table.shape[1]
        let all = values(cast(table, to: .float32))
        var rows: [Int32] = []
        read(ids) { rows = Array($0.bindMemory(to: Int32.self)) }
        let results = rows.flatMap { id -> ArraySlice<Float> in
            precondition(
                (0..<table.shape[0]).contains(Int(id)), "row \(id) of a table of \(table.shape[0])")
            return all[(Int(id) * width)..<((Int(id) + 1) * width)]
        }
        return tensor(results, [rows.count, width])
    }

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

    func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Float, mask: AttentionMask
    ) -> Tensor {
        let (batch, heads, m, d) = (q.shape[0], q.shape[1], q.shape[2], q.shape[3])
        let (kvHeads, n, e) = (k.shape[1], k.shape[2], v.shape[3])
        let (queries, keys, rows) = (values(q), values(k), values(v))
        var added: [Float]?
        if case .additive(let scores) = mask { added = values(scores) }
        var results = [Float](repeating: 0, count: batch * m * heads * e)
        for item in 0..<batch {
            for head in 0..<heads {
                let shared = item * kvHeads + head / (heads / kvHeads)
                for i in 0..<m {
                    let query = ((item * heads + head) * m + i) * d
                    var visible = n
                    if case .causal = mask { visible = Swift.max(0, Swift.min(n, i + n - m + 1)) }
                    let scores = (0..<visible).map { j -> Double in
                        var dot = 0.0
                        for index in 0..<d {
                            dot +=
                                Double(queries[query + index])
                                * Double(keys[(shared * n + j) * d + index])
                        }
                        let extra = added?[((item * heads + head) * m + i) * n + j] ?? 0
                        return dot * Double(scale) + Double(extra)
                    }
                    guard let largest = scores.max(), largest > -Double.infinity else { continue }
                    let powers = scores.map { exp($0 - largest) }
                    let total = powers.reduce(0, +)
                    for column in 0..<e {
                        var sum = 0.0
                        for (j, power) in powers.enumerated() {
                            sum += power * Double(rows[(shared * n + j) * e + column])
                        }
                        results[((item * m + i) * heads + head) * e + column] = Float(sum / total)
                    }
                }
            }
        }
        return tensor(results, [batch, m, heads, e])
    }

    func resizeNearest(_ x: Tensor, to sizes: [Int]) -> Tensor {
        let old = Array(x.shape.dropFirst(2))
        let (all, inner) = (values(x), old.elementCount)
        let sources = sizes.places.map { place in
            zip(zip(old, sizes), place).reduce(0) { position, axis in
                let ((n, size), index) = axis
                return position * n + Swift.min(index * n / size, n - 1)
            }
        }
        let results = (0..<(x.shape[0] * x.shape[1])).flatMap { plane in
            sources.map { all[plane * inner + $0] }
        }
        return tensor(results, Array(x.shape.prefix(2)) + sizes)
    }
}

extension [Int] {
    /// Every index of a tensor of this shape, in row-major order.
    fileprivate var places: [[Int]] {
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
