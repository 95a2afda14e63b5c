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

    func unaryGradient(_ operation: UnaryOperation, _ x: Tensor, _ gradient: Tensor) -> Tensor {
        switch operation {
        case .negate: return unary(.negate, gradient)
        case .affine(let scale, _): return unary(.affine(scale: scale, shift: 0), gradient)
        default: break
        }
        let y = empty(x.shape)
        let (code, a, b) = operation.kernelCode
        let layout = Layout(x.shape, x.strides, gradient.strides)
        withExtendedLifetime((x, gradient, y)) {
            south_unary_gradient(
                code, a, b, layout.rank, layout.shape, x.floatPointer, layout.strides[0],
                gradient.floatPointer, layout.strides[1], y.floatPointer)
        }
        return y
    }

    func gatedGradient(
        _ activation: Activation, value: Tensor, gate: Tensor, gradient: Tensor
    ) -> (value: Tensor, gate: Tensor) {
        let (toValue, toGate) = (empty(value.shape), empty(value.shape))
        let (code, slope) = activation.kernelCode
        let layout = Layout(value.shape, value.strides, gate.strides, gradient.strides)
        withExtendedLifetime((value, gate, gradient, toValue, toGate)) {
            south_gated_gradient(
                code, slope, layout.rank, layout.shape, value.floatPointer, layout.strides[0],
                gate.floatPointer, layout.strides[1], gradient.floatPointer, layout.strides[2],
                toValue.floatPointer, toGate.floatPointer)
        }
        return (toValue, toGate)
    }

    func compare(_ comparison: Comparison, _ a: Tensor, _ b: Tensor) -> Tensor {
        let y = empty(a.shape, .bool)
        let code =
            switch comparison {
            case .equal: SOUTH_EQUAL
            case .less: SOUTH_LESS
            case .atMost: SOUTH_AT_MOST
            }
        let layout = Layout(a.shape, a.strides, b.strides)
        withExtendedLifetime((a, b, y)) {
            south_compare(
                Int32(code), a.dtype.kernelCode, layout.rank, layout.shape, a.bytes,
                layout.strides[0], b.bytes, layout.strides[1],
                y.bytes.assumingMemoryBound(to: UInt8.self))
        }
        return y
    }

    func choose(_ mask: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
        let y = empty(a.shape)
        let layout = Layout(a.shape, mask.strides, a.strides, b.strides)
        withExtendedLifetime((mask, a, b, y)) {
            south_choose(
                layout.rank, layout.shape, mask.bytes.assumingMemoryBound(to: UInt8.self),
                layout.strides[0], a.floatPointer, layout.strides[1], b.floatPointer,
                layout.strides[2], y.floatPointer)
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
        case .power(let exponent): return (Int32(SOUTH_POWER), exponent, 0)
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
