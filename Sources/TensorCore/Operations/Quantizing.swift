// Weights in blocks that share scales.

extension Tensor {
    /// These numbers in a type of blocks, for the weight of a linear map or an embedding.
    ///
    /// `q8_0` and `q4_0` are, bit for bit, what ggml writes. For `q4_K` and `q6_K` scales are
    /// searched that make the squared error of each block least.
    ///
    /// - Shapes: the last axis holds whole blocks, see `DType.blockSize`
    public func quantized(to dtype: DType) -> Tensor {
        precondition(
            dtype.isBlocked && (shape.last ?? 1) % dtype.blockSize == 0,
            "quantized: shape \(shape) to \(dtype), in blocks of \(dtype.blockSize)")
        let numbers = detached().on(.cpu).real.dense()
        return CPUBackend.shared.quantized(numbers, to: dtype).on(device)
    }

    /// The bytes of a tensor in blocks, in whose last axis a block is so many elements of `uint8`:
    /// what copies move.
    var blockBytes: Tensor {
        func bytes(_ elements: Int) -> Int { dtype.byteCount(of: elements) }
        var shape = shape
        shape[rank - 1] = bytes(shape[rank - 1])
        return Tensor(
            storage: storage, device: device, dtype: .uint8, shape: shape,
            strides: strides.dropLast().map(bytes) + [1], offset: bytes(offset))
    }

    /// Dense bytes as the blocks that they are.
    func blocks(of dtype: DType) -> Tensor {
        var shape = shape
        shape[rank - 1] = shape[rank - 1] / dtype.blockByteCount * dtype.blockSize
        return Tensor(
            storage: storage, device: device, dtype: dtype, shape: shape,
            offset: offset / dtype.blockByteCount * dtype.blockSize)
    }
}
