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
