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
}
