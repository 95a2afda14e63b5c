import Glibc

extension ReferenceBackend {
    func unaryGradient(_ operation: UnaryOperation, _ x: Tensor, _ gradient: Tensor) -> Tensor {
        let pairs = zip(values(x), values(gradient))
        return tensor(
            pairs.map { Float(operation.derivative(Double($0)) * Double($1)) }, x.shape)
    }

    func gatedGradient(
        _ activation: Activation, value: Tensor, gate: Tensor, gradient: Tensor
    ) -> (value: Tensor, gate: Tensor) {
        let (v, t, g) = (values(value), values(gate), values(gradient))
        return (
            tensor(zip(g, t).map { $0 * activation($1) }, value.shape),
            tensor(
                v.indices.map {
                    Float(Double(g[$0]) * Double(v[$0]) * activation.derivative(Double(t[$0])))
                }, value.shape)
        )
    }
}

extension UnaryOperation {
    fileprivate func derivative(_ x: Double) -> Double {
        switch self {
        case .negate: -1
        case .absolute: x > 0 ? 1 : x < 0 ? -1 : 0
        case .square: 2 * x
        case .squareRoot: 0.5 / x.squareRoot()
        case .reciprocalSquareRoot: -0.5 / (x * x.squareRoot())
        case .reciprocal: -1 / (x * x)
        case .exponential: exp(x)
        case .logarithm: 1 / x
        case .sine: cos(x)
        case .cosine: -sin(x)
        case .activation(let activation): activation.derivative(x)
        case .affine(let scale, _): Double(scale)
        case .clamp(let low, let high): x < Double(low) || x > Double(high) ? 0 : 1
        case .power(let exponent):
            exponent == 0 ? 0 : Double(exponent) * pow(x, Double(exponent) - 1)
        }
    }
}

extension Activation {
    fileprivate func derivative(_ x: Double) -> Double {
        func sigmoid(_ t: Double) -> Double { 1 / (1 + exp(-t)) }
        switch self {
        case .identity: return 1
        case .relu: return x <= 0 ? 0 : 1
        case .sigmoid: return sigmoid(x) * (1 - sigmoid(x))
        case .tanh:
            let rest = 1 / cosh(x)
            return rest * rest
        case .silu: return sigmoid(x) * (1 + x * (1 - sigmoid(x)))
        case .gelu:
            let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
            return 0.5 * erfc(-x * 0.5.squareRoot()) + x * density
        case .geluTanh:
            let slope = 2 * (2 / Double.pi).squareRoot()
            let s = sigmoid(slope * (x + 0.044715 * x * x * x))
            return s + x * s * (1 - s) * slope * (1 + 3 * 0.044715 * x * x)
        case .quickGELU:
            let s = sigmoid(1.702 * x)
            return s * (1 + 1.702 * x * (1 - s))
        case .leakyReLU(let slope): return x > 0 ? 1 : Double(slope)
        }
    }
}
