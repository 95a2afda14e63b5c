internal import CSouthKernels

// Reductions, softmax, norms, rotary embedding and look-ups.

extension CPUBackend {
    func reduce(_ reduction: Reduction, _ x: Tensor) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty([x.shape[0]])
        let code =
            switch reduction {
            case .sum: SOUTH_SUM
            case .mean: SOUTH_MEAN
            case .maximum: SOUTH_GREATEST
            case .minimum: SOUTH_LEAST
            }
        withExtendedLifetime((x, y)) {
            south_reduce(
                Int32(code), x.shape[0], x.shape[1], x.floatPointer, x.strides[0],
                y.floatPointer)
        }
        return y
    }

    func argMax(_ x: Tensor) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty([x.shape[0]], .int32)
        withExtendedLifetime((x, y)) {
            south_arg_max(
                x.shape[0], x.shape[1], x.floatPointer, x.strides[0],
                y.bytes.assumingMemoryBound(to: Int32.self))
        }
        return y
    }

    func softmax(_ x: Tensor, logarithm: Bool) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty(x.shape)
        withExtendedLifetime((x, y)) {
            south_softmax(
                x.shape[0], x.shape[1], x.floatPointer, x.strides[0], logarithm ? 1 : 0,
                y.floatPointer)
        }
        return y
    }

    func layerNorm(_ x: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Float) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty(x.shape)
        withExtendedLifetime((x, weight, bias, y)) {
            south_layer_norm(
                x.shape[0], x.shape[1], x.floatPointer, x.strides[0], weight?.floatPointer,
                bias?.floatPointer, epsilon, y.floatPointer)
        }
        return y
    }

    func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Float) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty(x.shape)
        withExtendedLifetime((x, weight, y)) {
            south_rms_norm(
                x.shape[0], x.shape[1], x.floatPointer, x.strides[0], weight.floatPointer,
                epsilon, y.floatPointer)
        }
        return y
    }

    func groupNorm(
        _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Float,
        activation: Activation
    ) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty(x.shape)
        let (code, slope) = activation.kernelCode
        withExtendedLifetime((x, weight, bias, y)) {
            south_group_norm(
                x.shape[0], x.shape[1], x.shape[2], groups, x.floatPointer, x.strides[0],
                x.strides[1], weight?.floatPointer, bias?.floatPointer, epsilon, code, slope,
                y.floatPointer)
        }
        return y
    }

    func rotary(_ x: Tensor, cosines: Tensor, sines: Tensor, interleaved: Bool) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty(x.shape)
        withExtendedLifetime((x, cosines, sines, y)) {
            south_rotary(
                x.shape[0], x.shape[1], x.shape[2], x.shape[3], x.floatPointer, x.strides,
                cosines.floatPointer, sines.floatPointer, interleaved ? 1 : 0, y.floatPointer)
        }
        return y
    }

    func embedding(_ table: Tensor, ids: Tensor) -> Tensor {
        let y = empty([ids.count, table.shape[1]])
        withExtendedLifetime((table, ids, y)) {
            let ids32 = ids.bytes.assumingMemoryBound(to: Int32.self)
            for index in 0..<ids.count {
                precondition(
                    ids32[index] >= 0 && Int(ids32[index]) < table.shape[0],
                    "embedding: index \(ids32[index]) of a table of \(table.shape[0])")
            }
            south_embedding(
                ids.count, table.shape[1], table.bytes, table.dtype.kernelCode, ids32,
                y.floatPointer)
        }
        return y
    }
}
