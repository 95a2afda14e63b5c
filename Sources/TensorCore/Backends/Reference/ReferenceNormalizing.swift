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
}
