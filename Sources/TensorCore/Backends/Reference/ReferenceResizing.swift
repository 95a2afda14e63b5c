extension ReferenceBackend {
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

extension ReferenceBackend {
    func resample(_ x: Tensor, _ table: ResamplingTable) -> Tensor {
        let (all, inner) = (values(x), x.shape[2])
        var results: [Float] = []
        for outer in 0..<x.shape[0] {
            for index in 0..<table.size {
                let start = Int(table.starts[index])
                for i in 0..<inner {
                    let sum = (0..<Swift.min(table.taps, table.count - start)).reduce(0.0) {
                        let place = (outer * table.count + start + $1) * inner + i
                        return $0 + Double(table.weights[index * table.taps + $1])
                            * Double(all[place])
                    }
                    results.append(Float(sum))
                }
            }
        }
        return tensor(results, [x.shape[0], table.size, inner])
    }
}
