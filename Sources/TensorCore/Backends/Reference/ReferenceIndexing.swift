extension ReferenceBackend {
    func embedding(_ table: Tensor, ids: Tensor) -> Tensor {
        let all = values(table.cast(to: .float32))
        let width = table.shape[1]
        let rows = ids.integers().flatMap { id in all[(id * width)..<((id + 1) * width)] }
        return tensor(rows, [ids.count, width])
    }

    func firstOutside(_ ids: Tensor, bound: Int) -> Int? {
        ids.integers().firstIndex { !(0..<bound).contains($0) }
    }

    func select(_ x: Tensor, ids: Tensor) -> Tensor {
        if ids.count == 0 { return fill([x.shape[0], 0, x.shape[2]], 0, x.dtype) }
        return concatenate(ids.integers().map { x.sliced(1, $0..<($0 + 1)) }, axis: 1)
    }

    func addSelected(_ x: Tensor, ids: Tensor, count: Int) -> Tensor {
        let (all, ids, inner) = (values(x), ids.integers(), x.shape[2])
        var sums = [Double](repeating: 0, count: x.shape[0] * count * inner)
        for outer in 0..<x.shape[0] {
            for (place, id) in ids.enumerated() {
                for i in 0..<inner {
                    sums[(outer * count + id) * inner + i] += Double(
                        all[(outer * ids.count + place) * inner + i])
                }
            }
        }
        return tensor(sums.map { Float($0) }, [x.shape[0], count, inner])
    }

    /// Of each of `ids`, the row-major place in a tensor of `shape` that it names along `axis`.
    private func places(_ ids: Tensor, _ axis: Int, in shape: Shape) -> [Int] {
        let (steps, counts) = (shape.rowMajorStrides, ids.shape.rowMajorStrides)
        return ids.integers().enumerated().map { flat, id in
            shape.indices.reduce(0) { place, i in
                let index = i == axis ? id : flat / counts[i] % ids.shape[i]
                return place + index * steps[i]
            }
        }
    }

    func gather(_ x: Tensor, ids: Tensor, axis: Int) -> Tensor {
        let flat = copy(x).view([1, x.count, 1], [x.count, 1, 1])
        let picked = places(ids, axis, in: x.shape).map { Int32($0) }
        return select(flat, ids: Tensor(picked, device: Device(self))).view(
            ids.shape, ids.shape.rowMajorStrides)
    }

    func scatter(_ source: Tensor, ids: Tensor, axis: Int, adds: Bool, over x: Tensor) -> Tensor {
        let (result, source) = (copy(x), copy(source))
        let (flat, from) = (result.flattened(), source.flattened())
        for (index, place) in places(ids, axis, in: x.shape).enumerated() {
            let target = flat.sliced(0, place..<(place + 1))
            let element = from.sliced(0, index..<(index + 1))
            store(adds ? binary(.add, target, element) : element, into: target)
        }
        return result
    }
}
