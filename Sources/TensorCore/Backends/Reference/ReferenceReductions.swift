extension ReferenceBackend {
    /// The rows of `x [outer, inner]`.
    func rows(_ x: Tensor) -> [ArraySlice<Float>] {
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

    func cumulativeSum(_ x: Tensor) -> Tensor {
        let results = rows(x).flatMap { row -> [Float] in
            var sum = 0.0
            return row.map { value in
                sum += Double(value)
                return Float(sum)
            }
        }
        return tensor(results, x.shape)
    }
}
