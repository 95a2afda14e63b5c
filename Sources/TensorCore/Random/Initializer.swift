import Glibc

/// What a weight starts as where no file gives it: `torch.nn.init`, with its numbers for the same
/// generator.
///
/// A weight is `[outputs, inputs, kernel…]`; its fans are the inputs of one output and the outputs
/// of one input.
public enum Initializer: Sendable, Equatable {
    case zeros, ones
    case constant(Float)
    /// Uniform from the first number up to the second.
    case uniform(Float, Float)
    /// Normal with mean zero and this standard deviation.
    case normal(Float)
    /// Normal with this mean and deviation, within the bounds: `trunc_normal_`.
    case truncatedNormal(
        mean: Float = 0, deviation: Float = 1, within: ClosedRange<Float> = -2...2)
    /// PyTorch's default of linear and convolution layers: uniform in ±1/√(inputs of one output).
    case kaimingUniform
    /// Uniform in ±1/√fan: PyTorch's default of biases.
    case uniformByFan(Int)
    /// Uniform in ±gain·√(3 / fan): `kaiming_uniform_`.
    case kaimingUniformBy(Fan, gain: Gain)
    /// Normal with deviation gain/√fan: `kaiming_normal_`.
    case kaimingNormal(Fan = .inputs, gain: Gain = .relu)
    /// Uniform in ±√(6 / (inputs + outputs)).
    case xavierUniform
    /// Uniform in ±gain·√(6 / (inputs + outputs)).
    case xavierUniformBy(gain: Gain)
    /// Normal with deviation gain·√(2 / (inputs + outputs)).
    case xavierNormal(gain: Gain = .linear)
    /// Orthonormal rows or columns, whichever are fewer, times a gain.
    case orthogonal(gain: Float = 1)

    /// Which sum should keep its variance: that of the forward or of the backward pass.
    public enum Fan: Sendable { case inputs, outputs }

    /// What a function between layers takes from the variance: `calculate_gain`.
    public enum Gain: Sendable, Equatable {
        case linear, tanh, relu, selu
        case leakyReLU(slope: Double)
        case factor(Double)

        /// The factor.
        public var value: Double {
            switch self {
            case .linear: 1
            case .tanh: 5.0 / 3
            case .relu: 2.0.squareRoot()
            case .selu: 0.75
            case .leakyReLU(let slope): (2 / (1 + slope * slope)).squareRoot()
            case .factor(let value): value
            }
        }
    }

    /// A fresh weight.
    public func draw(_ shape: Shape, from generator: inout TorchGenerator) -> Tensor {
        let receptive = shape.dropFirst(2).reduce(1, *)
        let fanIn = Double(shape.dropFirst().reduce(1, *))
        let fanOut = Double((shape.first ?? 1) * receptive)
        func symmetric(_ bound: Double) -> Tensor {
            generator.uniform(shape, from: Float(-bound), to: Float(bound))
        }
        switch self {
        case .zeros: return .zeros(shape)
        case .ones: return .full(shape, 1)
        case .constant(let value): return .full(shape, Double(value))
        case .uniform(let low, let high): return generator.uniform(shape, from: low, to: high)
        case .normal(let deviation): return generator.normal(shape, deviation: deviation)
        case .truncatedNormal(let mean, let deviation, let bounds):
            return Tensor(
                generator.truncatedNormal(shape.elementCount, mean, deviation, bounds), shape)
        case .kaimingUniform: return symmetric(1 / fanIn.squareRoot())
        case .uniformByFan(let fan): return symmetric(1 / Double(fan).squareRoot())
        case .kaimingUniformBy(let fan, let gain):
            let width = fan == .inputs ? fanIn : fanOut
            return symmetric(3.0.squareRoot() * (gain.value / width.squareRoot()))
        case .kaimingNormal(let fan, let gain):
            let width = fan == .inputs ? fanIn : fanOut
            return generator.normal(shape, deviation: Float(gain.value / width.squareRoot()))
        case .xavierUniform: return symmetric((6 / (fanIn + fanOut)).squareRoot())
        case .xavierUniformBy(let gain):
            return symmetric(gain.value * (6 / (fanIn + fanOut)).squareRoot())
        case .xavierNormal(let gain):
            let deviation = gain.value * (2 / (fanIn + fanOut)).squareRoot()
            return generator.normal(shape, deviation: Float(deviation))
        case .orthogonal(let gain): return generator.orthogonal(shape, gain)
        }
    }
}

extension TorchGenerator {
    /// Normal numbers drawn again, all together, until each lies within the bounds; where less
    /// than 0.3 of them would, uniform ones that are kept in proportion to the density.
    fileprivate mutating func truncatedNormal(
        _ count: Int, _ mean: Float, _ deviation: Float, _ bounds: ClosedRange<Float>
    ) -> [Float] {
        let (low, high) = (Double(bounds.lowerBound), Double(bounds.upperBound))
        let (center, scale) = (Double(mean), Double(deviation))
        func below(_ x: Double) -> Double { (1 + erf((x - center) / scale / 2.0.squareRoot())) / 2 }
        if below(high) - below(low) > 0.3 {
            var values = normal(count, mean: mean, deviation: deviation)
            while values.contains(where: { !bounds.contains($0) }) {
                let next = normal(count, mean: mean, deviation: deviation)
                for index in values.indices where !bounds.contains(values[index]) {
                    values[index] = next[index]
                }
            }
            return values
        }
        let mode = max(low, min(center, high))
        let peak = -0.5 * ((mode - center) / scale) * ((mode - center) / scale)
        var values = [Float](repeating: 0, count: count)
        var isPending = [Bool](repeating: true, count: count)
        while isPending.contains(true) {
            let next = uniform(count, from: bounds.lowerBound, to: bounds.upperBound)
            let heights = uniform(count)
            for index in values.indices where isPending[index] {
                values[index] = next[index]
                let distance = (next[index] - mean) / deviation
                isPending[index] = logf(heights[index]) > -0.5 * distance * distance - Float(peak)
            }
        }
        return values
    }

    /// The orthogonal factor of a normal matrix, with the signs that make it uniform.
    fileprivate mutating func orthogonal(_ shape: Shape, _ gain: Float) -> Tensor {
        precondition(shape.count >= 2, "orthogonal: shape \(shape)")
        if shape.elementCount == 0 { return .zeros(shape) }
        let (rows, columns) = (shape[0], shape.dropFirst().reduce(1, *))
        let isWide = rows < columns
        let drawn = normal([rows, columns])
        let (factors, r) = HostMatrix(isWide ? drawn.transposed() : drawn).orthogonalFactors()
        var q = factors
        for row in 0..<q.rows {
            for column in 0..<q.columns {
                let diagonal = r[column, column]
                q[row, column] *= Double(gain) * (diagonal < 0 ? -1 : diagonal > 0 ? 1 : 0)
            }
        }
        let factor = Tensor(q.values.map { Float($0) }, [q.rows, q.columns])
        return (isWide ? factor.transposed() : factor).reshaped(shape).dense()
    }
}
