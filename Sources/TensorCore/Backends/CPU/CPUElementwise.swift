internal import CSouthKernels

// Functions of one and two elements.

extension CPUBackend {
    func unary(_ operation: UnaryOperation, _ x: Tensor) -> Tensor {
        let y = empty(x.shape)
        let (code, a, b) = operation.kernelCode
        let layout = Layout(x.shape, x.strides)
        withExtendedLifetime((x, y)) {
            south_unary(
                code, a, b, layout.rank, layout.shape, x.floatPointer, layout.strides[0],
                y.floatPointer)
        }
        return y
    }

    func binary(_ operation: BinaryOperation, _ a: Tensor, _ b: Tensor) -> Tensor {
        let y = empty(a.shape, a.dtype)
        let layout = Layout(a.shape, a.strides, b.strides)
        withExtendedLifetime((a, b, y)) {
            south_binary(
                operation.kernelCode, a.dtype.kernelCode, layout.rank, layout.shape, a.bytes,
                layout.strides[0], b.bytes, layout.strides[1], y.bytes)
        }
        return y
    }

    func gated(_ activation: Activation, value: Tensor, gate: Tensor) -> Tensor {
        let y = empty(value.shape)
        let (code, slope) = activation.kernelCode
        let layout = Layout(value.shape, value.strides, gate.strides)
        withExtendedLifetime((value, gate, y)) {
            south_gated(
                code, slope, layout.rank, layout.shape, value.floatPointer, layout.strides[0],
                gate.floatPointer, layout.strides[1], y.floatPointer)
        }
        return y
    }
}

extension UnaryOperation {
    /// The number that kernels know the function by, and its parameters.
    fileprivate var kernelCode: (code: Int32, a: Float, b: Float) {
        switch self {
        case .activation(let activation):
            let (code, slope) = activation.kernelCode
            return (code, slope, 0)
        case .negate: return (Int32(SOUTH_NEGATE), 0, 0)
        case .absolute: return (Int32(SOUTH_ABSOLUTE), 0, 0)
        case .square: return (Int32(SOUTH_SQUARE), 0, 0)
        case .squareRoot: return (Int32(SOUTH_SQUARE_ROOT), 0, 0)
        case .reciprocalSquareRoot: return (Int32(SOUTH_RECIPROCAL_SQUARE_ROOT), 0, 0)
        case .reciprocal: return (Int32(SOUTH_RECIPROCAL), 0, 0)
        case .exponential: return (Int32(SOUTH_EXPONENTIAL), 0, 0)
        case .logarithm: return (Int32(SOUTH_LOGARITHM), 0, 0)
        case .sine: return (Int32(SOUTH_SINE), 0, 0)
        case .cosine: return (Int32(SOUTH_COSINE), 0, 0)
        case .affine(let scale, let shift): return (Int32(SOUTH_AFFINE), scale, shift)
        case .clamp(let low, let high): return (Int32(SOUTH_CLAMP), low, high)
        }
    }
}

extension BinaryOperation {
    /// The number that kernels know the function by.
    fileprivate var kernelCode: Int32 {
        let code =
            switch self {
            case .add: SOUTH_ADD
            case .subtract: SOUTH_SUBTRACT
            case .multiply: SOUTH_MULTIPLY
            case .divide: SOUTH_DIVIDE
            case .maximum: SOUTH_MAXIMUM
            case .minimum: SOUTH_MINIMUM
            }
        return Int32(code)
    }
}
