import Glibc

// Steps of optimisers, in one pass over memory.

/// Steps of optimisers.
package protocol OptimizingPrimitives {
    /// A step of AdamW: returns the new parameter, and updates the moments in place, which is
    /// allowed to optimiser state alone. All dense, `float32`, of one shape.
    func adamWStep(
        _ parameter: Tensor, gradient: Tensor, firstMoment: Tensor, secondMoment: Tensor,
        _ step: AdamWStep
    ) -> Tensor
}

/// The numbers of one step of AdamW, those of `torch.optim.AdamW` by their names there.
///
/// - Source: Loshchilov and Hutter 2017, arXiv:1711.05101
package struct AdamWStep: Sendable, Equatable {
    package let decay: Float  // 1 − lr · weight_decay
    package let beta1: Float
    package let beta2: Float
    package let stepSize: Float  // lr / bias_correction1
    package let secondCorrection: Float  // √bias_correction2
    package let epsilon: Float

    /// - Parameter number: of the step, from one
    package init(
        number: Int, learningRate: Double, beta1: Double, beta2: Double, epsilon: Double,
        weightDecay: Double
    ) {
        // The corrections near one lose digits in float32; PyTorch finds them in double too.
        func correction(_ beta: Double) -> Double { 1 - pow(beta, Double(number)) }
        decay = Float(1 - learningRate * weightDecay)
        (self.beta1, self.beta2) = (Float(beta1), Float(beta2))
        stepSize = Float(learningRate / correction(beta1))
        secondCorrection = Float(correction(beta2).squareRoot())
        self.epsilon = Float(epsilon)
    }
}

extension Tensor {
    /// This parameter after one step of AdamW; the moments, which nobody else may hold, are
    /// updated in place.
    package func adamWStep(
        gradient: Tensor, firstMoment: Tensor, secondMoment: Tensor, _ step: AdamWStep
    ) -> Tensor {
        precondition(
            gradient.shape == shape && firstMoment.shape == shape && secondMoment.shape == shape,
            "adamWStep: a parameter \(shape) with a gradient \(gradient.shape)")
        return backend.adamWStep(
            detached(), gradient: gradient.detached(), firstMoment: firstMoment,
            secondMoment: secondMoment, step)
    }
}
