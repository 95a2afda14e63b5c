// Functions of one element, and of pairs of elements after broadcasting.

/// Functions of one and of two elements.
package protocol ElementwisePrimitives {
    func unary(_ operation: UnaryOperation, _ x: Tensor) -> Tensor
    /// Both of one shape, both `float32` or both `int32` or both `int64`.
    func binary(_ operation: BinaryOperation, _ a: Tensor, _ b: Tensor) -> Tensor
    /// `value · activation(gate)`, both of one shape.
    func gated(_ activation: Activation, value: Tensor, gate: Tensor) -> Tensor
    /// `gradient · f′(x)`, both of one shape. On kinks the derivative is PyTorch's: 0 for ReLU and
    /// the absolute value, 1 on the bounds of a clamp.
    func unaryGradient(_ operation: UnaryOperation, _ x: Tensor, _ gradient: Tensor) -> Tensor
    /// The gradients of both operands of `gated`, all of one shape.
    func gatedGradient(
        _ activation: Activation, value: Tensor, gate: Tensor, gradient: Tensor
    ) -> (value: Tensor, gate: Tensor)
    /// A `bool` for each pair, both of one shape and type: `float32`, `int32` or `int64`.
    func compare(_ comparison: Comparison, _ a: Tensor, _ b: Tensor) -> Tensor
    /// `a` where `mask` holds, else `b`, all of one shape; `mask` `bool`.
    func choose(_ mask: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor
}

/// A function of one element.
package enum UnaryOperation: Sendable, Equatable {
    case negate, absolute, square, squareRoot, reciprocalSquareRoot, reciprocal
    case exponential, logarithm, sine, cosine
    case activation(Activation)
    /// `x · scale + shift`
    case affine(scale: Float, shift: Float)
    case clamp(Float, Float)
    /// `x` to a fixed power
    case power(Float)
}

/// The functions between layers.
public enum Activation: Sendable, Equatable {
    case identity, relu, sigmoid, tanh
    /// `x · σ(x)`
    case silu
    /// Exact: `½ x (1 + erf(x / √2))`
    case gelu
    /// `½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))`
    case geluTanh
    /// `x · σ(1.702 x)`, as in OpenAI's CLIP
    case quickGELU
    case leakyReLU(slope: Float)
}

package enum BinaryOperation: Sendable { case add, subtract, multiply, divide, maximum, minimum }

/// A comparison of two elements; false where either is NaN.
package enum Comparison: Sendable { case equal, less, atMost }

extension DType {
    /// The type of a function of two elements, as in PyTorch: of two integers the wider (`int16`
    /// for `int8` with `uint8`); else, and for two of `bool`, `float32`.
    fileprivate static func ofPair(_ a: DType, _ b: DType) -> DType {
        if a.isFloatingPoint || b.isFloatingPoint || (a == .bool && b == .bool) { return .float32 }
        if a == b || b == .bool { return a }
        if a == .bool { return b }
        if a.byteCount == b.byteCount { return .int16 }
        return a.byteCount > b.byteCount ? a : b
    }
}

extension Tensor {
    private static func binary(_ operation: BinaryOperation, _ a: Tensor, _ b: Tensor) -> Tensor {
        guard let shape = a.shape.broadcast(with: b.shape) else {
            preconditionFailure("\(operation): shapes \(a.shape) and \(b.shape)")
        }
        let type = DType.ofPair(a.dtype, b.dtype)
        // Narrow integers are computed in 32 bits, and wrapped where they are stored again.
        let wide = type == .float32 || type == .int64 ? type : .int32
        let (x, y) = (a.cast(to: wide), b.cast(to: wide))
        let (left, right) = (
            x.detached().broadcast(to: shape), y.detached().broadcast(to: shape)
        )
        let result = a.backend.binary(operation, left, right).cast(to: type)
        // Sums need their operands' shapes alone.
        let isLinear = operation == .add || operation == .subtract
        let kept = isLinear ? nil : (left: left, right: right)
        let (shapes, tracked) = ((x.shape, y.shape), (x.isTracked, y.isTracked))
        return result.recorded(from: [x, y]) { gradient in
            let (toLeft, toRight) = operation.gradients(
                gradient, of: kept, result, wanted: tracked)
            return [toLeft?.summed(to: shapes.0), toRight?.summed(to: shapes.1)]
        }
    }

    /// This tensor in `float32`, the type that computes.
    package var real: Tensor { cast(to: .float32) }

    private func unary(_ operation: UnaryOperation) -> Tensor {
        let source = real
        let x = source.detached()
        let y = backend.unary(operation, x)
        switch operation {
        case .negate: return y.recorded(from: source) { -$0 }
        case .affine(let scale, _):
            return y.recorded(from: source) { $0.affine(scale: scale, shift: 0) }
        default:
            return y.recorded(from: source) { $0.backend.unaryGradient(operation, x, $0) }
        }
    }

    // Integers stay integers, of the wider type where two differ; quotients are truncated, and
    // what a type does not hold is wrapped.

    /// The sum, with broadcasting.
    public static func + (a: Tensor, b: Tensor) -> Tensor { binary(.add, a, b) }
    /// The difference, with broadcasting.
    public static func - (a: Tensor, b: Tensor) -> Tensor { binary(.subtract, a, b) }
    /// The elementwise product, with broadcasting.
    public static func * (a: Tensor, b: Tensor) -> Tensor { binary(.multiply, a, b) }
    /// The elementwise quotient, with broadcasting.
    public static func / (a: Tensor, b: Tensor) -> Tensor { binary(.divide, a, b) }

    /// A number added to every element.
    public static func + (a: Tensor, b: Float) -> Tensor { a.affine(scale: 1, shift: b) }
    /// A number subtracted from every element.
    public static func - (a: Tensor, b: Float) -> Tensor { a.affine(scale: 1, shift: -b) }
    /// Every element times a number.
    public static func * (a: Tensor, b: Float) -> Tensor { a.affine(scale: b, shift: 0) }
    /// Every element divided by a number.
    public static func / (a: Tensor, b: Float) -> Tensor { a / Tensor(b, device: a.device) }
    /// A number plus every element.
    public static func + (a: Float, b: Tensor) -> Tensor { b + a }
    /// A number minus every element.
    public static func - (a: Float, b: Tensor) -> Tensor { b.affine(scale: -1, shift: a) }
    /// A number times every element.
    public static func * (a: Float, b: Tensor) -> Tensor { b * a }
    /// Every element negated.
    public static prefix func - (a: Tensor) -> Tensor { a.unary(.negate) }

    /// `x · scale + shift` in one pass.
    public func affine(scale: Float, shift: Float) -> Tensor {
        unary(.affine(scale: scale, shift: shift))
    }
    /// The greater of each pair, with broadcasting.
    public func maximum(_ other: Tensor) -> Tensor { Tensor.binary(.maximum, self, other) }
    /// The lesser of each pair, with broadcasting.
    public func minimum(_ other: Tensor) -> Tensor { Tensor.binary(.minimum, self, other) }

    /// |x|
    public func absolute() -> Tensor { unary(.absolute) }
    /// x²
    public func squared() -> Tensor { unary(.square) }
    /// √x
    public func squareRoot() -> Tensor { unary(.squareRoot) }
    /// 1 / √x
    public func reciprocalSquareRoot() -> Tensor { unary(.reciprocalSquareRoot) }
    /// 1 / x
    public func reciprocal() -> Tensor { unary(.reciprocal) }
    /// eˣ
    public func exp() -> Tensor { unary(.exponential) }
    /// The natural logarithm.
    public func log() -> Tensor { unary(.logarithm) }
    /// `x` to the power `exponent`; NaN where `x` is negative and the exponent no integer.
    public func power(_ exponent: Float) -> Tensor { unary(.power(exponent)) }
    /// The sine, of radians.
    public func sin() -> Tensor { unary(.sine) }
    /// The cosine, of radians.
    public func cos() -> Tensor { unary(.cosine) }
    /// Every element brought into `range`; NaN stays NaN.
    public func clamped(to range: ClosedRange<Float>) -> Tensor {
        unary(.clamp(range.lowerBound, range.upperBound))
    }

    /// An activation function of every element.
    public func activated(_ activation: Activation) -> Tensor {
        activation == .identity ? self : unary(.activation(activation))
    }
    /// `max(x, 0)`
    public func relu() -> Tensor { activated(.relu) }
    /// `1 / (1 + e⁻ˣ)`
    public func sigmoid() -> Tensor { activated(.sigmoid) }
    /// The hyperbolic tangent.
    public func tanh() -> Tensor { activated(.tanh) }
    /// `x · σ(x)`
    public func silu() -> Tensor { activated(.silu) }
    /// The exact Gaussian error linear unit.
    public func gelu() -> Tensor { activated(.gelu) }
    /// `x · σ(1.702 x)`
    public func quickGELU() -> Tensor { activated(.quickGELU) }
    /// `x` above zero, `slope · x` below.
    public func leakyReLU(_ slope: Float) -> Tensor { activated(.leakyReLU(slope: slope)) }

    /// `self · activation(gate)`: SwiGLU with `.silu`, GEGLU with `.gelu`.
    public func gated(by gate: Tensor, _ activation: Activation) -> Tensor {
        precondition(shape == gate.shape, "gated: \(shape) by \(gate.shape)")
        let (source, control) = (real, gate.real)
        let (x, t) = (source.detached(), control.detached())
        return backend.gated(activation, value: x, gate: t).recorded(from: [source, control]) {
            let found = $0.backend.gatedGradient(activation, value: x, gate: t, gradient: $0)
            return [found.value, found.gate]
        }
    }
}

extension BinaryOperation {
    /// The gradients of both operands, broadcast as they were; nil where not wanted.
    fileprivate func gradients(
        _ gradient: Tensor, of operands: (left: Tensor, right: Tensor)?, _ result: Tensor,
        wanted: (left: Bool, right: Bool)
    ) -> (Tensor?, Tensor?) {
        guard let (a, b) = operands else {
            return (
                wanted.left ? gradient : nil,
                wanted.right ? (self == .add ? gradient : -gradient) : nil
            )
        }
        switch self {
        case .divide:
            let toA = gradient / b
            return (wanted.left ? toA : nil, wanted.right ? -(toA * result) : nil)
        case .maximum, .minimum:
            // Where both are as great, each gets half.
            let half = Tensor.choose(a .== b, gradient * 0.5, gradient)
            let zero = Tensor(0, device: gradient.device)
            let aWins = self == .maximum ? b .<= a : a .<= b
            let bWins = self == .maximum ? a .<= b : b .<= a
            return (
                wanted.left ? Tensor.choose(aWins, half, zero) : nil,
                wanted.right ? Tensor.choose(bWins, half, zero) : nil
            )
        default:
            return (wanted.left ? gradient * b : nil, wanted.right ? gradient * a : nil)
        }
    }
}
