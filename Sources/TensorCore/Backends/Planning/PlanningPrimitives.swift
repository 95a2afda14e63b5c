// Every primitive as the shape of its result.

extension PlanningBackend {
    // MARK: Copies and elements

    func copy(_ x: Tensor) -> Tensor { planned(x.shape, x.dtype) }
    func cast(_ x: Tensor, to dtype: DType) -> Tensor { planned(x.shape, dtype) }
    func fill(_ shape: Shape, _ value: Double, _ dtype: DType) -> Tensor { planned(shape, dtype) }
    func concatenate(_ parts: [Tensor], axis: Int) -> Tensor {
        var shape = parts[0].shape
        shape[axis] = parts.reduce(0) { $0 + $1.shape[axis] }
        return planned(shape, parts[0].dtype)
    }
    func pad(_ x: Tensor, before: [Int], after: [Int], value: Double) -> Tensor {
        planned(x.shape.indices.map { before[$0] + x.shape[$0] + after[$0] }, x.dtype)
    }

    func unary(_ operation: UnaryOperation, _ x: Tensor) -> Tensor { planned(x.shape) }
    func unaryGradient(_ operation: UnaryOperation, _ x: Tensor, _ gradient: Tensor) -> Tensor {
        planned(x.shape)
    }
    func binary(_ operation: BinaryOperation, _ a: Tensor, _ b: Tensor) -> Tensor {
        planned(a.shape, a.dtype)
    }
    func gated(_ activation: Activation, value: Tensor, gate: Tensor) -> Tensor {
        planned(value.shape)
    }
    func gatedGradient(
        _ activation: Activation, value: Tensor, gate: Tensor, gradient: Tensor
    ) -> (value: Tensor, gate: Tensor) {
        (planned(value.shape), planned(gate.shape))
    }
    func compare(_ comparison: Comparison, _ a: Tensor, _ b: Tensor) -> Tensor {
        planned(a.shape, .bool)
    }
    func choose(_ mask: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor { planned(a.shape, a.dtype) }

    // MARK: Rows

    func reduce(_ reduction: Reduction, _ x: Tensor) -> Tensor { planned([x.shape[0]]) }
    func argMax(_ x: Tensor) -> Tensor { planned([x.shape[0]], .int32) }
    func cumulativeSum(_ x: Tensor) -> Tensor { planned(x.shape) }
    func order(
        _ x: Tensor, count: Int, descending: Bool
    ) -> (values: Tensor, indices: Tensor) {
        (planned([x.shape[0], count], x.dtype), planned([x.shape[0], count], .int32))
    }
    func softmax(_ x: Tensor, logarithm: Bool) -> Tensor { planned(x.shape) }
    func softmaxGradient(_ y: Tensor, _ gradient: Tensor, logarithm: Bool) -> Tensor {
        planned(y.shape)
    }
    func crossEntropy(
        _ logits: Tensor, targets: Tensor, ignored: Int32
    ) -> (losses: Tensor, logSums: Tensor) {
        (planned([logits.shape[0]]), planned([logits.shape[0]]))
    }
    func crossEntropyGradient(
        _ logits: Tensor, targets: Tensor, ignored: Int32, logSums: Tensor, gradient: Tensor
    ) -> Tensor {
        planned(logits.shape)
    }

    func layerNorm(_ x: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Float) -> Tensor {
        planned(x.shape)
    }
    func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Float) -> Tensor { planned(x.shape) }
    func groupNorm(
        _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Float,
        activation: Activation
    ) -> Tensor {
        planned(x.shape)
    }
    func layerNormGradient(
        _ x: Tensor, weight: Tensor?, epsilon: Float, gradient: Tensor
    ) -> NormGradients {
        normGradients(x, width: x.shape[1])
    }
    func rmsNormGradient(
        _ x: Tensor, weight: Tensor, epsilon: Float, gradient: Tensor
    ) -> NormGradients {
        normGradients(x, width: x.shape[1])
    }
    func groupNormGradient(
        _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Float,
        activation: Activation, gradient: Tensor
    ) -> NormGradients {
        normGradients(x, width: x.shape[1])
    }
    private func normGradients(_ x: Tensor, width: Int) -> NormGradients {
        NormGradients(x: planned(x.shape), weight: planned([width]), bias: planned([width]))
    }

    func fourier(_ x: Tensor, inverse: Bool) -> Tensor { planned(x.shape) }
    func realFourier(_ x: Tensor) -> Tensor { planned([x.shape[0], x.shape[1] / 2 + 1, 2]) }
    func inverseRealFourier(_ x: Tensor, count: Int) -> Tensor { planned([x.shape[0], count]) }
    func overlapAdd(_ x: Tensor, hop: Int, length: Int) -> Tensor { planned([x.shape[0], length]) }

    func adamWStep(
        _ parameter: Tensor, gradient: Tensor, first: Tensor, second: Tensor, _ step: AdamWStep
    ) -> Tensor {
        planned(parameter.shape)
    }
    func sumOfSquares(_ x: Tensor) -> Double { 0 }

    // MARK: Indices

    func embedding(_ table: Tensor, ids: Tensor) -> Tensor {
        planned([ids.count, table.shape[1]])
    }
    func firstOutside(_ ids: Tensor, bound: Int) -> Int? { nil }
    func select(_ x: Tensor, ids: Tensor) -> Tensor {
        planned([x.shape[0], ids.count, x.shape[2]], x.dtype)
    }
    func addSelected(_ x: Tensor, ids: Tensor, count: Int) -> Tensor {
        planned([x.shape[0], count, x.shape[2]])
    }
    func gather(_ x: Tensor, ids: Tensor, axis: Int) -> Tensor { planned(ids.shape, x.dtype) }
    func scatter(_ source: Tensor, ids: Tensor, axis: Int, adds: Bool, over x: Tensor) -> Tensor {
        planned(x.shape, x.dtype)
    }

    // MARK: Products

    func matmul(_ a: Tensor, _ b: Tensor) -> Tensor {
        account.count(multiplications: a.count * b.shape[2])
        return planned([a.shape[0], a.shape[1], b.shape[2]])
    }
    func linear(
        _ x: Tensor, weight: Tensor, bias: Tensor?, activation: Activation, residual: Tensor?
    ) -> Tensor {
        account.count(multiplications: x.count * weight.shape[0])
        return planned([x.shape[0], weight.shape[0]])
    }
    func convolution(
        _ x: Tensor, weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry
    ) -> Tensor {
        let sizes = geometry.outputSizes(Array(x.shape[2...]), kernel: Array(weight.shape[2...]))
        account.count(
            multiplications: x.shape[0] * weight.count * sizes.elementCount)
        return planned([x.shape[0], weight.shape[0]] + sizes)
    }
    func transposedConvolution(
        _ x: Tensor, weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry
    ) -> Tensor {
        let kernel = Array(weight.shape[2...])
        let sizes = geometry.transposedSizes(Array(x.shape[2...]), kernel: kernel)
        account.count(
            multiplications: x.shape[0] * weight.count * Array(x.shape[2...]).elementCount)
        return planned([x.shape[0], weight.shape[1] * geometry.groups] + sizes)
    }
    func convolutionWeightGradient(
        _ x: Tensor, gradient: Tensor, kernel: [Int], _ geometry: ConvolutionGeometry
    ) -> Tensor {
        planned([gradient.shape[1], x.shape[1] / geometry.groups] + kernel)
    }
    func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Float, mask: AttentionMask, extra: ExtraKey?
    ) -> (y: Tensor, logSums: Tensor) {
        let (batch, heads, queries) = (q.shape[0], q.shape[1], q.shape[2])
        account.count(
            multiplications: batch * heads * queries * k.shape[2] * (q.shape[3] + v.shape[3]))
        return (planned([batch, queries, heads, v.shape[3]]), planned([batch, heads, queries]))
    }
    func attentionGradient(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Float, mask: AttentionMask,
        extra: ExtraKey?, y: Tensor, logSums: Tensor, gradient: Tensor, maskWanted: Bool
    ) -> AttentionGradients {
        var added: Tensor?
        if maskWanted, case .additive(let scores) = mask { added = planned(scores.shape) }
        return AttentionGradients(
            q: planned(q.shape), k: planned(k.shape), v: planned(v.shape), mask: added,
            extra: extra.map {
                ExtraKey(key: planned($0.key.shape), value: planned($0.value.shape))
            })
    }
    func rotary(_ x: Tensor, cosines: Tensor, sines: Tensor, interleaved: Bool) -> Tensor {
        planned(x.shape)
    }

    // MARK: Images

    func resizeNearest(_ x: Tensor, to sizes: [Int]) -> Tensor {
        planned(Array(x.shape[..<2]) + sizes)
    }
    func resample(_ x: Tensor, _ table: ResamplingTable) -> Tensor {
        planned([x.shape[0], table.size, x.shape[2]])
    }
}
