// Copies: other types, and tensors assembled of others.

/// How tensors are copied and assembled.
package protocol CopyPrimitives {
    /// A dense copy, any type.
    func copy(_ x: Tensor) -> Tensor
    /// A dense copy in another type: to integers truncating, to narrower floats rounding to
    /// nearest even, to `bool` as `x ≠ 0`; see `DType`. Blocks are dense, and go to `float32`.
    func cast(_ x: Tensor, to dtype: DType) -> Tensor
    func fill(_ shape: Shape, _ value: Double, _ dtype: DType) -> Tensor
    /// Operands agree but for `axis`; any one type.
    func concatenate(_ parts: [Tensor], axis: Int) -> Tensor
    /// `value` around `x`: `before[i]` and `after[i]` elements on axis i, none negative; any type.
    func pad(_ x: Tensor, before: [Int], after: [Int], value: Double) -> Tensor
}

extension Tensor {
    /// In another element type, by the rules of `DType`.
    public func cast(to dtype: DType) -> Tensor {
        if dtype == self.dtype { return self }
        precondition(
            !dtype.isBlocked, "cast: \(self.dtype) \(shape) to \(dtype); use quantized(to:)")
        if self.dtype.isBlocked && dtype != .float32 { return real.cast(to: dtype) }
        let operand = self.dtype.isBlocked ? dense() : self
        let result = backend.cast(operand.detached(), to: dtype)
        // Gradients are float32 whatever the type; none passes through integers.
        return dtype.isFloatingPoint ? result.recorded(from: self) { $0 } : result
    }

    /// A constant copy in memory of its own, to the byte: for weights that stay. That of results
    /// comes in sizes that fit many and counts on being given back.
    package func owned() -> Tensor {
        let source = detached().dense()
        let storage = HostStorage(byteCount: source.byteCount)
        source.backend.read(source) { bytes in
            guard let base = bytes.baseAddress else { return }
            storage.hostPointer?.copyMemory(from: base, byteCount: bytes.count)
        }
        let copy = Tensor(storage: storage, device: .cpu, dtype: dtype, shape: shape)
        return copy.on(device)
    }

    /// The parts one after the other along `axis`; they agree in the other axes and in type.
    public static func concatenate(_ parts: [Tensor], axis: Int) -> Tensor {
        precondition(!parts.isEmpty, "concatenate: nothing")
        let first = parts[0]
        let axis = first.shape.axisIndex(axis)
        for part in parts {
            var (a, b) = (part.shape, first.shape)
            precondition(a.count == b.count, "concatenate: \(a) with \(b)")
            (a[axis], b[axis]) = (0, 0)
            precondition(
                a == b && part.dtype == first.dtype,
                "concatenate: \(part.dtype) \(part.shape) with \(first.dtype) \(first.shape)")
        }
        if parts.count == 1 { return first }
        if first.dtype.isBlocked {
            return concatenate(parts.map(\.blockBytes), axis: axis).blocks(of: first.dtype)
        }
        let lengths = parts.map { $0.shape[axis] }
        return first.backend.concatenate(parts.map { $0.detached() }, axis: axis)
            .recorded(from: parts) { gradient in
                var start = 0
                return lengths.map { length in
                    defer { start += length }
                    return gradient.sliced(axis, start..<(start + length))
                }
            }
    }

    /// Tensors of one shape along a new axis.
    public static func stack(_ parts: [Tensor], axis: Int = 0) -> Tensor {
        concatenate(parts.map { $0.unsqueezed(axis) }, axis: axis)
    }

    /// A constant around the tensor: elements before and after, by axis.
    public func padded(_ amounts: [(before: Int, after: Int)], value: Double = 0) -> Tensor {
        precondition(amounts.count == rank, "padded: \(amounts.count) axes of shape \(shape)")
        let (before, old) = (amounts.map(\.before), shape)
        return backend.pad(
            detached(), before: before, after: amounts.map(\.after), value: value
        ).recorded(from: self) { gradient in
            old.indices.reduce(gradient) { part, axis in
                part.sliced(axis, before[axis]..<(before[axis] + old[axis]))
            }
        }
    }

    /// The tensor `times` times along an axis, one after the other.
    public func tiled(_ times: Int, axis: Int) -> Tensor {
        Tensor.concatenate([Tensor](repeating: self, count: times), axis: axis)
    }

    /// Each index of an axis `times` times in a row (PyTorch's `repeat_interleave`).
    public func repeated(_ times: Int, axis: Int) -> Tensor {
        let axis = shape.axisIndex(axis)
        var (wide, merged) = (shape, shape)
        wide.insert(times, at: axis + 1)
        merged[axis] *= times
        return unsqueezed(axis + 1).broadcast(to: wide).reshaped(merged)
    }
}
