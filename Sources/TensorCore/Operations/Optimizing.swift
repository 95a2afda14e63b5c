internal import Glibc

// What optimisers do. With `Parameter` and the KV cache, the one place where tensors change.

/// Steps of optimisers, and what they ask of gradients.
package protocol OptimizingPrimitives {
    /// `parameter` after one step, a new tensor: whoever holds the old one, a saved activation
    /// say, keeps it. The moments, dense and seen by their owner alone, are updated in place. All
    /// `float32` of one shape.
    func adamWStep(
        _ parameter: Tensor, gradient: Tensor, first: Tensor, second: Tensor, _ step: AdamWStep
    ) -> Tensor
    /// The sum of all squares, in double: finite exactly where every element is.
    func sumOfSquares(_ x: Tensor) -> Double
}

/// One step of AdamW: Loshchilov and Hutter 2019, arXiv:1711.05101; arithmetic in the order of
/// `torch.optim.AdamW`.
public struct AdamWStep: Sendable, Equatable {
    /// How many steps there were, this one included.
    public var number: Int
    public var learningRate: Double
    public var beta1: Double
    public var beta2: Double
    public var epsilon: Double
    /// Decoupled: takes `learningRate · weightDecay` off the weights themselves.
    public var weightDecay: Double
    /// Multiplies the gradient first: a clipping factor, without a pass of its own.
    public var gradientScale: Double

    /// The usual moments, and no decay.
    public init(
        number: Int, learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999,
        epsilon: Double = 1e-8, weightDecay: Double = 0, gradientScale: Double = 1
    ) {
        self.number = number
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.gradientScale = gradientScale
    }

    /// The step over the first moment's bias correction, and the square root of the second's.
    var corrected: (stepSize: Double, second: Double) {
        (
            learningRate / (1 - pow(beta1, Double(number))),
            (1 - pow(beta2, Double(number))).squareRoot()
        )
    }
}

/// The running means of a weight's gradient and of its square. Owned by one optimiser.
public struct AdamWMoments: Sendable {
    public let first: Tensor
    public let second: Tensor

    /// Zeros, as before the first step.
    public init(of weight: Tensor) {
        first = .zeros(weight.shape, device: weight.device)
        second = .zeros(weight.shape, device: weight.device)
    }

    /// Saved ones; copied, so that nobody else sees them change.
    public init(first: Tensor, second: Tensor) {
        precondition(
            first.shape == second.shape, "AdamWMoments: \(first.shape) and \(second.shape)")
        self.first = first.backend.copy(first.detached().real)
        self.second = second.backend.copy(second.detached().real)
    }

    /// `weight` after one step along `gradient`, in `float32`; updates the moments.
    public func step(_ weight: Tensor, along gradient: Tensor, _ step: AdamWStep) -> Tensor {
        precondition(
            weight.shape == first.shape && gradient.shape == first.shape && step.number > 0,
            "AdamW step \(step.number): weight \(weight.shape), gradient \(gradient.shape), "
                + "moments \(first.shape)")
        return weight.backend.adamWStep(
            weight.detached().real, gradient: gradient.detached().real, first: first,
            second: second, step)
    }
}

extension Tensor {
    /// The sum of the squares of all elements, in double: NaN or infinite exactly where an element
    /// is, which is how training finds out.
    public var sumOfSquares: Double { backend.sumOfSquares(detached().real) }
}
