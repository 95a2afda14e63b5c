import TensorCore

/// What AdamW remembers of one parameter.
struct ParameterState {
    private let shape: Shape
    private let rateScale: Double
    private let weightDecay: Double
    private var moments: AdamWMoments
    /// The weights in `float32`, where they are stored in less.
    private var master: Tensor?
    private var steps = 0

    init(of parameter: Parameter, in group: ParameterGroup, _ config: OptimizerConfig) {
        let value = parameter.value.detached()
        shape = value.shape
        rateScale = group.rateScale
        weightDecay = group.weightDecay ?? config.weightDecay
        moments = AdamWMoments(of: value)
        master = value.dtype == .float32 ? nil : value.cast(to: .float32)
    }

    /// Takes one step along `factor · gradient`.
    mutating func move(
        _ parameter: Parameter, along gradient: Tensor, times factor: Double, rate: Double,
        _ config: OptimizerConfig
    ) {
        steps += 1
        let step = AdamWStep(
            number: steps, learningRate: rate * rateScale, beta1: config.beta1,
            beta2: config.beta2, epsilon: config.epsilon, weightDecay: weightDecay,
            gradientScale: factor)
        let value = parameter.value.detached()
        let moved = moments.step(master ?? value, along: gradient, step)
        if master != nil { master = moved }
        parameter.replace(with: moved.cast(to: value.dtype))
    }

    /// Its part of a checkpoint.
    func tensors(of name: String) -> [(name: String, value: Tensor)] {
        [
            ("steps.\(name)", Tensor([Int32(steps)], [])),
            ("first.\(name)", moments.first), ("second.\(name)", moments.second),
        ] + (master.map { [("master.\(name)", $0)] } ?? [])
    }

    mutating func restore(_ name: String, from account: inout OptimizerAccount) throws {
        steps = try account.take("steps.\(name)", [], .int32).integers()[0]
        moments = AdamWMoments(
            first: try account.take("first.\(name)", shape, .float32),
            second: try account.take("second.\(name)", shape, .float32))
        if master != nil { master = try account.take("master.\(name)", shape, .float32) }
    }
}
