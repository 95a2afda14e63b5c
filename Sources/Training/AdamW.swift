internal import Synchronization
public import TensorCore

/// AdamW over the parameters of a model, as `torch.optim.AdamW` computes it.
///
/// - Source: Loshchilov and Hutter 2017, arXiv:1711.05101
public final class AdamW: Sendable {
    /// Its settings; the defaults are PyTorch's.
    public struct Config: Codable, Equatable, Sendable {
        public var beta1: Double
        public var beta2: Double
        public var epsilon: Double
        public var weightDecay: Double

        public init(
            beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
            weightDecay: Double = 0.01
        ) {
            (self.beta1, self.beta2) = (beta1, beta2)
            (self.epsilon, self.weightDecay) = (epsilon, weightDecay)
        }
    }

    /// What it remembers of a parameter.
    private struct State {
        let moments: AdamWMoments
        var steps = 0
    }

    /// The settings.
    public let config: Config
    private let parameters: [Parameter]
    private let states = Mutex<[String: State]>([:])

    /// An optimiser of parameters whose names differ.
    public init(_ parameters: [Parameter], _ config: Config = Config()) {
        self.parameters = parameters
        self.config = config
    }

    /// Moves each parameter that has a gradient one step.
    public func update(along gradients: Gradients, learningRate: Double) {
        states.withLock { states in
            for parameter in parameters {
                guard let gradient = gradients[parameter] else { continue }
                let value = parameter.value.detached()
                var state = states[parameter.name] ?? State(moments: AdamWMoments(of: value))
                state.steps += 1
                let step = AdamWStep(
                    number: state.steps, learningRate: learningRate, beta1: config.beta1,
                    beta2: config.beta2, epsilon: config.epsilon, weightDecay: config.weightDecay)
                parameter.replace(with: state.moments.step(value, along: gradient, step))
                states[parameter.name] = state
            }
        }
    }
}
