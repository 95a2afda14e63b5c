extension ReferenceBackend {
    /// Mean and biased variance.
    private func moments(_ row: some Collection<Float>) -> (mean: Double, variance: Double) {
        let mean = row.reduce(0.0) { $0 + Double($1) } / Double(row.count)
        let squares = row.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        return (mean, squares / Double(row.count))
    }

    func layerNorm(_ x: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Float) -> Tensor {
        let (w, b) = (weight.map(values), bias.map(values))
        let results = rows(x).flatMap { row -> [Float] in
            let (mean, variance) = moments(row)
            let scale = 1 / (variance + Double(epsilon)).squareRoot()
            return row.enumerated().map { index, value in
                let standard = (Double(value) - mean) * scale
                return Float(standard * Double(w?[index] ?? 1) + Double(b?[index] ?? 0))
            }
        }
        return tensor(results, x.shape)
    }

    func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Float) -> Tensor {
        let w = values(weight)
        let results = rows(x).flatMap { row -> [Float] in
            let square = row.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(row.count)
            let scale = 1 / (square + Double(epsilon)).squareRoot()
            return row.enumerated().map { Float(Double($1) * scale * Double(w[$0])) }
        }
        return tensor(results, x.shape)
    }

    func groupNorm(
        _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Float,
        activation: Activation
    ) -> Tensor {
        let (w, b) = (weight.map(values), bias.map(values))
        let (batch, channels, inner) = (x.shape[0], x.shape[1], x.shape[2])
        let size = channels / groups * inner
        let all = values(x)
        var results = [Float](repeating: 0, count: all.count)
        for group in 0..<(batch * groups) where size > 0 {
            let range = (group * size)..<((group + 1) * size)
            let (mean, variance) = moments(all[range])
            let scale = 1 / (variance + Double(epsilon)).squareRoot()
            for index in range {
                let channel = index / inner % channels
                let standard = (Double(all[index]) - mean) * scale
                results[index] = activation(
                    Float(standard * Double(w?[channel] ?? 1) + Double(b?[channel] ?? 0)))
            }
        }
        return tensor(results, x.shape)
    }

    /// The gradients of groups of elements standardised together, whose weight and bias are chosen
    /// by `channel`; `centred` where the mean is taken off.
    private func normGradients(
        _ x: [Float], gradient: [Double], weight: [Float]?, channels: Int, epsilon: Float,
        centred: Bool, size: Int, channel: (Int) -> Int
    ) -> (x: [Float], weight: [Float], bias: [Float]) {
        var toX = [Float](repeating: 0, count: x.count)
        var (toWeight, toBias) = (
            [Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels)
        )
        for start in stride(from: 0, to: x.count, by: max(size, 1)) {
            let range = start..<(start + size)
            let n = Double(size)
            let mean = centred ? range.reduce(0.0) { $0 + Double(x[$1]) } / n : 0
            let squares = range.reduce(0.0) { $0 + (Double(x[$1]) - mean) * (Double(x[$1]) - mean) }
            let scale = 1 / (squares / n + Double(epsilon)).squareRoot()
            var (sum, product) = (0.0, 0.0)
            for index in range {
                let standard = (Double(x[index]) - mean) * scale
                let weighted = gradient[index] * Double(weight?[channel(index)] ?? 1)
                sum += weighted
                product += weighted * standard
                toWeight[channel(index)] += gradient[index] * standard
                toBias[channel(index)] += gradient[index]
            }
            for index in range {
                let standard = (Double(x[index]) - mean) * scale
                let weighted = gradient[index] * Double(weight?[channel(index)] ?? 1)
                toX[index] = Float(
                    scale * (weighted - (centred ? sum / n : 0) - standard * product / n))
            }
        }
        return (toX, toWeight.map { Float($0) }, toBias.map { Float($0) })
    }

    func layerNormGradient(
        _ x: Tensor, weight: Tensor?, epsilon: Float, gradient: Tensor
    ) -> NormGradients {
        let inner = x.shape[1]
        let found = normGradients(
            values(x), gradient: values(gradient).map(Double.init), weight: weight.map(values),
            channels: inner, epsilon: epsilon, centred: true, size: inner
        ) { $0 % inner }
        return NormGradients(
            x: tensor(found.x, x.shape), weight: tensor(found.weight, [inner]),
            bias: tensor(found.bias, [inner]))
    }

    func rmsNormGradient(
        _ x: Tensor, weight: Tensor, epsilon: Float, gradient: Tensor
    ) -> NormGradients {
        let inner = x.shape[1]
        let found = normGradients(
            values(x), gradient: values(gradient).map(Double.init), weight: values(weight),
            channels: inner, epsilon: epsilon, centred: false, size: inner
        ) { $0 % inner }
        return NormGradients(x: tensor(found.x, x.shape), weight: tensor(found.weight, [inner]))
    }

    func groupNormGradient(
        _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Float,
        activation: Activation, gradient: Tensor
    ) -> NormGradients {
        let (channels, inner) = (x.shape[1], x.shape[2])
        let plain = groupNorm(
            x, groups: groups, weight: weight, bias: bias, epsilon: epsilon, activation: .identity)
        let behind = unaryGradient(.activation(activation), plain, gradient)
        let found = normGradients(
            values(x), gradient: values(behind).map(Double.init), weight: weight.map(values),
            channels: channels, epsilon: epsilon, centred: true, size: channels / groups * inner
        ) { $0 / inner % channels }
        return NormGradients(
            x: tensor(found.x, x.shape), weight: tensor(found.weight, [channels]),
            bias: tensor(found.bias, [channels]))
    }
}
