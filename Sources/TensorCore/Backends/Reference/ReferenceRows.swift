import Glibc

extension ReferenceBackend {
    /// The rows of `x [outer, inner]`.
    private func rows(_ x: Tensor) -> [ArraySlice<Float>] {
        let (all, inner) = (values(x), x.shape[1])
        return (0..<x.shape[0]).map { all[($0 * inner)..<(($0 + 1) * inner)] }
    }

    func reduce(_ reduction: Reduction, _ x: Tensor) -> Tensor {
        let results = rows(x).map { row -> Float in
            let sum = row.reduce(0.0) { $0 + Double($1) }
            return switch reduction {
            case .sum: Float(sum)
            case .mean: Float(sum / Double(row.count))
            case .maximum:
                row.reduce(-Float.infinity) { $0.isNaN || $1.isNaN ? .nan : Swift.max($0, $1) }
            case .minimum:
                row.reduce(Float.infinity) { $0.isNaN || $1.isNaN ? .nan : Swift.min($0, $1) }
            }
        }
        return tensor(results, [x.shape[0]])
    }

    func argMax(_ x: Tensor) -> Tensor {
        let indices = rows(x).map { row -> Int32 in
            var best = row.startIndex
            for index in row.indices where row[index] > row[best] || row[index].isNaN {
                if row[best].isNaN { break }
                best = index
            }
            return Int32(best - row.startIndex)
        }
        return Tensor(indices, [x.shape[0]], device: Device(self))
    }

    func softmax(_ x: Tensor, logarithm: Bool) -> Tensor {
        let results = rows(x).flatMap { row -> [Float] in
            let largest = Double(row.max() ?? 0)
            let shifted = row.map { Double($0) - largest }
            let total = shifted.reduce(0) { $0 + exp($1) }
            return shifted.map { Float(logarithm ? $0 - log(total) : exp($0) / total) }
        }
        return tensor(results, x.shape)
    }

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

    func rotary(_ x: Tensor, cosines: Tensor, sines: Tensor, interleaved: Bool) -> Tensor {
        let (time, heads, size) = (x.shape[1], x.shape[2], x.shape[3])
        let (c, s) = (values(cosines), values(sines))
        var all = values(x)
        for row in 0..<(all.count / Swift.max(size, 1)) {
            let position = row / heads % time
            for pair in 0..<(size / 2) {
                let first = row * size + (interleaved ? 2 * pair : pair)
                let second = interleaved ? first + 1 : first + size / 2
                let (a, b) = (all[first], all[second])
                let (cosine, sine) = (
                    c[position * (size / 2) + pair], s[position * (size / 2) + pair]
                )
                all[first] = a * cosine - b * sine
                all[second] = b * cosine + a * sine
            }
        }
        return tensor(all, x.shape)
    }
}
