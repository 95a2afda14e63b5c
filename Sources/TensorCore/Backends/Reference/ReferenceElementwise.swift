import Glibc

extension ReferenceBackend {
    func unary(_ operation: UnaryOperation, _ x: Tensor) -> Tensor {
        tensor(values(x).map { operation($0) }, x.shape)
    }

    func binary(_ operation: BinaryOperation, _ a: Tensor, _ b: Tensor) -> Tensor {
        if a.dtype == .float32 {
            return tensor(zip(values(a), values(b)).map { operation($0, $1) }, a.shape)
        }
        let wide = zip(wideIntegers(a), wideIntegers(b)).map { operation($0, $1) }
        let result = made(.int64, a.shape) { target in
            for (index, value) in wide.enumerated() {
                target.storeBytes(of: value, toByteOffset: index * 8, as: Int64.self)
            }
        }
        return cast(result, to: a.dtype)
    }

    private func wideIntegers(_ x: Tensor) -> [Int64] {
        var values: [Int64] = []
        read(cast(x, to: .int64)) { values = Array($0.bindMemory(to: Int64.self)) }
        return values
    }

    func gated(_ activation: Activation, value: Tensor, gate: Tensor) -> Tensor {
        tensor(zip(values(value), values(gate)).map { $0 * activation($1) }, value.shape)
    }

    func compare(_ comparison: Comparison, _ a: Tensor, _ b: Tensor) -> Tensor {
        let outcomes =
            a.dtype == .float32
            ? zip(values(a), values(b)).map { comparison($0, $1) }
            : zip(wideIntegers(a), wideIntegers(b)).map { comparison($0, $1) }
        return made(.bool, a.shape) { target in
            for (index, holds) in outcomes.enumerated() {
                target.storeBytes(of: holds ? 1 : 0, toByteOffset: index, as: UInt8.self)
            }
        }
    }

    func choose(_ mask: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
        let choices = zip(values(cast(mask, to: .float32)), zip(values(a), values(b)))
        return tensor(choices.map { $0 != 0 ? $1.0 : $1.1 }, a.shape)
    }
}

extension Comparison {
    fileprivate func callAsFunction<Number: Comparable>(_ a: Number, _ b: Number) -> Bool {
        switch self {
        case .equal: a == b
        case .less: a < b
        case .atMost: a <= b
        }
    }
}

extension UnaryOperation {
    fileprivate func callAsFunction(_ x: Float) -> Float {
        let d = Double(x)
        return switch self {
        case .negate: -x
        case .absolute: abs(x)
        case .square: x * x
        case .squareRoot: x.squareRoot()
        case .reciprocalSquareRoot: Float(1 / d.squareRoot())
        case .reciprocal: 1 / x
        case .exponential: Float(exp(d))
        case .logarithm: Float(log(d))
        case .sine: Float(sin(d))
        case .cosine: Float(cos(d))
        case .activation(let activation): activation(x)
        case .affine(let scale, let shift): Float(d * Double(scale) + Double(shift))
        case .power(let exponent): Float(pow(d, Double(exponent)))
        case .clamp(let low, let high): x.isNaN ? x : min(max(x, low), high)
        }
    }
}

extension Activation {
    func callAsFunction(_ x: Float) -> Float {
        let d = Double(x)
        func sigmoid(_ t: Double) -> Double { 1 / (1 + exp(-t)) }
        return switch self {
        case .identity: x
        case .relu: x.isNaN || x > 0 ? x : 0
        case .sigmoid: Float(sigmoid(d))
        case .tanh: Float(Double.hyperbolicTangent(d))
        case .silu: Float(d * sigmoid(d))
        case .gelu: Float(0.5 * d * (1 + erf(d * 0.5.squareRoot())))
        case .geluTanh:
            Float(
                0.5 * d
                    * (1
                        + .hyperbolicTangent(
                            (2 / Double.pi).squareRoot() * (d + 0.044715 * d * d * d))))
        case .quickGELU: Float(d * sigmoid(1.702 * d))
        case .leakyReLU(let slope): x.isNaN || x > 0 ? x : x * slope
        }
    }
}

extension Double {
    // Inside `Activation` the bare name means the case.
    fileprivate static func hyperbolicTangent(_ x: Double) -> Double { tanh(x) }
}

extension BinaryOperation {
    fileprivate func callAsFunction(_ a: Float, _ b: Float) -> Float {
        switch self {
        case .add: a + b
        case .subtract: a - b
        case .multiply: a * b
        case .divide: a / b
        case .maximum: a.isNaN || b.isNaN ? .nan : max(a, b)
        case .minimum: a.isNaN || b.isNaN ? .nan : min(a, b)
        }
    }

    fileprivate func callAsFunction(_ a: Int64, _ b: Int64) -> Int64 {
        precondition(self != .divide || b != 0, "integer division by zero")
        return switch self {
        case .add: a &+ b
        case .subtract: a &- b
        case .multiply: a &* b
        case .divide: a.dividedReportingOverflow(by: b).partialValue
        case .maximum: max(a, b)
        case .minimum: min(a, b)
        }
    }
}
