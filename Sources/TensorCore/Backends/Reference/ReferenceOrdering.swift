extension ReferenceBackend {
    func order(
        _ x: Tensor, count: Int, descending: Bool
    ) -> (values: Tensor, indices: Tensor) {
        let inner = x.shape[1]
        let indices =
            x.dtype == .float32
            ? orders(values(x), inner, count, descending) { !$0.isNaN && ($1.isNaN || $0 < $1) }
            : orders(x.integers(), inner, count, descending, <)
        let ids = Tensor(indices.map { Int32($0) }, [x.shape[0], count], device: Device(self))
        return (gather(x, ids: ids, axis: 1), ids)
    }

    private func orders<Element>(
        _ all: [Element], _ inner: Int, _ count: Int, _ descending: Bool,
        _ precedes: (Element, Element) -> Bool
    ) -> [Int] {
        stride(from: 0, to: all.count, by: Swift.max(inner, 1)).flatMap { start in
            (0..<inner).sorted { a, b in
                let (x, y) = (all[start + a], all[start + b])
                let (less, greater) = (precedes(x, y), precedes(y, x))
                return less == greater ? a < b : descending ? greater : less
            }.prefix(count)
        }
    }
}
