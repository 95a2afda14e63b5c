internal import CSouthKernels

// Elements picked by index.

extension CPUBackend {
    func embedding(_ table: Tensor, ids: Tensor) -> Tensor {
        let y = empty([ids.count, table.shape[1]])
        withExtendedLifetime((table, ids, y)) {
            south_embedding(
                ids.count, table.shape[1], table.bytes, table.dtype.kernelCode, ids.ids,
                y.floatPointer)
        }
        return y
    }

    func firstOutside(_ ids: Tensor, bound: Int) -> Int? {
        let place = withExtendedLifetime(ids) { south_first_outside(ids.count, ids.ids, bound) }
        return place < 0 ? nil : place
    }

    func select(_ x: Tensor, ids: Tensor) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty([x.shape[0], ids.count, x.shape[2]], x.dtype)
        withExtendedLifetime((x, ids, y)) {
            south_select(
                x.shape[0], x.shape[2], x.bytes, x.strides, ids.ids, ids.count,
                Int32(x.dtype.byteCount), y.bytes)
        }
        return y
    }

    func addSelected(_ x: Tensor, ids: Tensor, count: Int) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = fill([x.shape[0], count, x.shape[2]], 0, .float32)
        withExtendedLifetime((x, ids, y)) {
            south_add_selected(
                x.shape[0], count, x.shape[2], x.floatPointer, x.strides, ids.ids, ids.count,
                y.floatPointer)
        }
        return y
    }

    func gather(_ x: Tensor, ids: Tensor, axis: Int) -> Tensor {
        checkAxes(x)
        let y = empty(ids.shape, x.dtype)
        withExtendedLifetime((x, ids, y)) {
            south_gather(
                Int32(ids.rank), Int32(axis), ids.shape, x.bytes, x.strides, ids.ids, ids.strides,
                Int32(x.dtype.byteCount), y.bytes, y.strides)
        }
        return y
    }

    func scatter(_ source: Tensor, ids: Tensor, axis: Int, adds: Bool, over x: Tensor) -> Tensor {
        checkAxes(x)
        let y = copy(x)
        withExtendedLifetime((source, ids, y)) {
            south_scatter(
                Int32(ids.rank), Int32(axis), ids.shape, source.bytes, source.strides, ids.ids,
                ids.strides, Int32(x.dtype.byteCount), adds ? 1 : 0, y.bytes, y.strides)
        }
        return y
    }

    private func checkAxes(_ x: Tensor) {
        precondition(
            (1...Int(SOUTH_MAX_AXES)).contains(x.rank),
            "gather, scatter: shape \(x.shape) has no axes or more than the kernels take")
    }
}

extension Tensor {
    fileprivate var ids: UnsafeMutablePointer<Int32> { bytes.assumingMemoryBound(to: Int32.self) }
}
