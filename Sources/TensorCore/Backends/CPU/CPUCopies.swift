internal import CSouthKernels

// Copies between views, other types, and assembled tensors.

extension CPUBackend {
    /// Writes the elements of `x` over those of `target`, a view of the same shape and type.
    private func copy(_ x: Tensor, over target: Tensor) {
        let layout = Layout(x.shape, x.strides, target.strides)
        withExtendedLifetime((x, target)) {
            south_copy(
                layout.rank, layout.shape, x.bytes, layout.strides[0], target.bytes,
                layout.strides[1], Int32(x.dtype.byteCount))
        }
    }

    func store(_ x: Tensor, into destination: Tensor) {
        // Overlapping views would be read after they were written.
        copy(x.storage === destination.storage ? copy(x) : x, over: destination)
    }

    func copy(_ x: Tensor) -> Tensor {
        let y = empty(x.shape, x.dtype)
        copy(x, over: y)
        return y
    }

    func cast(_ x: Tensor, to dtype: DType) -> Tensor {
        let y = empty(x.shape, dtype)
        if x.dtype.isBlocked {
            withExtendedLifetime((x, y)) {
                south_dequantize(x.count, x.bytes, x.dtype.kernelCode, y.floatPointer)
            }
            return y
        }
        let layout = Layout(x.shape, x.strides)
        withExtendedLifetime((x, y)) {
            south_cast(
                layout.rank, layout.shape, x.bytes, layout.strides[0], x.dtype.kernelCode, y.bytes,
                dtype.kernelCode)
        }
        return y
    }

    /// Dense `float32` numbers in blocks.
    func quantized(_ x: Tensor, to dtype: DType) -> Tensor {
        let storage = allocate(dtype.byteCount(of: x.count))
        let y = Tensor(storage: storage, device: .cpu, dtype: dtype, shape: x.shape)
        withExtendedLifetime((x, y)) {
            south_quantize(x.count, x.floatPointer, dtype.kernelCode, y.bytes)
        }
        return y
    }

    func fill(_ shape: Shape, _ value: Double, _ dtype: DType) -> Tensor {
        let y = empty(shape, dtype)
        withExtendedLifetime(y) {
            // One element, converted as `cast` does.
            var source = value
            var element: UInt64 = 0
            south_cast(
                0, [1], &source, [1], DType.float64.kernelCode, &element, dtype.kernelCode)
            south_fill(y.bytes, y.count, &element, Int32(dtype.byteCount))
        }
        return y
    }

    func concatenate(_ parts: [Tensor], axis: Int) -> Tensor {
        var shape = parts[0].shape
        shape[axis] = parts.reduce(0) { $0 + $1.shape[axis] }
        let y = empty(shape, parts[0].dtype)
        var start = 0
        for part in parts {
            let end = start + part.shape[axis]
            copy(part, over: y.sliced(axis, start..<end))
            start = end
        }
        return y
    }

    func pad(_ x: Tensor, before: [Int], after: [Int], value: Double) -> Tensor {
        let shape = x.shape.indices.map { before[$0] + x.shape[$0] + after[$0] }
        let y = fill(shape, value, x.dtype)
        var inner = y
        for axis in shape.indices {
            inner = inner.sliced(axis, before[axis]..<(before[axis] + x.shape[axis]))
        }
        copy(x, over: inner)
        return y
    }
}
