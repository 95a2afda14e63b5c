internal import CSouthKernels

extension CPUBackend {
    func adamWStep(
        _ parameter: Tensor, gradient: Tensor, firstMoment: Tensor, secondMoment: Tensor,
        _ step: AdamWStep
    ) -> Tensor {
        let y = empty(parameter.shape)
        var numbers = south_adamw_step(
            decay: step.decay, beta1: step.beta1, beta2: step.beta2, step_size: step.stepSize,
            second_correction: step.secondCorrection, epsilon: step.epsilon)
        withExtendedLifetime((parameter, gradient, firstMoment, secondMoment, y)) {
            south_adamw(
                &numbers, y.count, parameter.floatPointer, gradient.floatPointer,
                firstMoment.floatPointer, secondMoment.floatPointer, y.floatPointer)
        }
        return y
    }
}
