// Functions of one element, and of pairs of elements after broadcasting.

/// Functions of one and of two elements.
package protocol ElementwisePrimitives {
    func unary(_ operation: UnaryOperation, _ x: Tensor) -> Tensor
    /// Both of one shape, both `float32` or both `int32` or both `int64`.
    func binary(_ operation: BinaryOperation, _ a: Tensor, _ b: Tensor) -> Tensor
    /// `value · activation(gate)`, both of one shape.
    func gated(_ activation: Activation, value: Tensor, gate: Tensor) -> Tensor
}

/// A function of one element.
package enum UnaryOperation: Sendable, Equatable {
    case negate, absolute, square, squareRoot, reciprocalSquareRoot, reciprocal
    case exponential, logarithm, sine, cosine
    case activation(Activation)
    /// `x · scale + shift`
    case affine(scale: Float, shift: Float)
    case clamp(Float, Float)
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

extension Tensor {
    private static func binary(_ operation: BinaryOperation, _ a: Tensor, _ b: Tensor) -> Tensor {
        guard let shape = a.shape.broadcast(with: b.shape) else {
            preconditionFailure("\(operation): shapes \(a.shape) and \(b.shape)")
        }
        let integers = !a.dtype.isFloatingPoint && a.dtype == b.dtype && a.dtype != .bool
        let (x, y) = integers ? (a, b) : (a.real, b.real)
        return a.backend.binary(operation, x.broadcast(to: shape), y.broadcast(to: shape))
    }

    /// This tensor in `float32`, the type that computes.
    package var real: Tensor { cast(to: .float32) }

    private func unary(_ operation: UnaryOperation) -> Tensor { backend.unary(operation, real) }

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
        return backend.gated(activation, value: real, gate: gate.real)
    }
}
