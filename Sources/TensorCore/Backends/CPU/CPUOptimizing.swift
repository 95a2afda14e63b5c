internal import CSouthKernels

extension CPUBackend {
    func adamWStep(
        _ parameter: Tensor, gradient: Tensor, first: Tensor, second: Tensor, _ step: AdamWStep
    ) -> Tensor {
        let (x, gradient, y) = (parameter.dense(), gradient.dense(), empty(parameter.shape))
        let corrected = step.corrected
        var factors = south_adamw(
            gradient_scale: Float(step.gradientScale), first_rate: Float(1 - step.beta1),
            second_decay: Float(step.beta2), second_rate: Float(1 - step.beta2),
            second_correction: Float(corrected.second), epsilon: Float(step.epsilon),
            decay: Float(1 - step.learningRate * step.weightDecay),
            step_size: Float(corrected.stepSize))
        withExtendedLifetime((x, gradient, first, second, y)) {
            south_adamw_step(
                &factors, x.count, x.floatPointer, gradient.floatPointer, first.floatPointer,
                second.floatPointer, y.floatPointer)
        }
        return y
    }

    func sumOfSquares(_ x: Tensor) -> Double {
        let x = x.dense()
        return withExtendedLifetime(x) { south_sum_of_squares(x.count, x.floatPointer) }
    }
}
