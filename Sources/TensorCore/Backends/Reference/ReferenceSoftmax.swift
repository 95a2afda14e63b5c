import Glibc

extension ReferenceBackend {
    func softmax(_ x: Tensor, logarithm: Bool) -> Tensor {
        let results = rows(x).flatMap { row -> [Float] in
            let largest = Double(row.max() ?? 0)
            let shifted = row.map { Double($0) - largest }
            let total = shifted.reduce(0) { $0 + exp($1) }
            return shifted.map { Float(logarithm ? $0 - log(total) : exp($0) / total) }
        }
        return tensor(results, x.shape)
    }

    func softmaxGradient(_ y: Tensor, _ gradient: Tensor, logarithm: Bool) -> Tensor {
        let results = zip(rows(y), rows(gradient)).flatMap { row, arriving -> [Float] in
            let pairs = zip(row.map(Double.init), arriving.map(Double.init))
            let sum = pairs.reduce(0) { $0 + (logarithm ? $1.1 : $1.0 * $1.1) }
            return pairs.map { Float(logarithm ? $1 - exp($0) * sum : $0 * ($1 - sum)) }
        }
        return tensor(results, y.shape)
    }

    /// The logarithm of `Σ exp`, or nil for an ignored row.
    private func logSums(_ logits: Tensor, _ targets: Tensor, _ ignored: Int32) -> [Double?] {
        zip(rows(logits), indices(targets)).map { row, target in
            guard target != Int(ignored) else { return nil }
            let largest = Double(row.max() ?? 0)
            return largest + log(row.reduce(0) { $0 + exp(Double($1) - largest) })
        }
    }

    func crossEntropy(
        _ logits: Tensor, targets: Tensor, ignored: Int32
    ) -> (losses: Tensor, logSums: Tensor) {
        let sums = logSums(logits, targets, ignored)
        let picked = zip(rows(logits), indices(targets))
        let losses = zip(sums, picked).map { sum, pick -> Float in
            let (row, target) = pick
            return sum.map { Float($0 - Double(row[row.startIndex + target])) } ?? 0
        }
        return (tensor(losses, targets.shape), tensor(sums.map { Float($0 ?? 0) }, targets.shape))
    }

    func crossEntropyGradient(
        _ logits: Tensor, targets: Tensor, ignored: Int32, logSums: Tensor, gradient: Tensor
    ) -> Tensor {
        let (sums, arriving) = (self.logSums(logits, targets, ignored), values(gradient))
        let ids = indices(targets)
        let results = rows(logits).enumerated().flatMap { index, row -> [Float] in
            guard let sum = sums[index] else { return row.map { _ in 0 } }
            return row.enumerated().map { column, value in
                let share = exp(Double(value) - sum) - (column == ids[index] ? 1 : 0)
                return Float(share * Double(arriving[index]))
            }
        }
        return tensor(results, logits.shape)
    }

    private func indices(_ x: Tensor) -> [Int] { values(cast(x, to: .float32)).map { Int($0) } }
}
