extension ReferenceBackend {
    func adamWStep(
        _ parameter: Tensor, gradient: Tensor, firstMoment: Tensor, secondMoment: Tensor,
        _ step: AdamWStep
    ) -> Tensor {
        let (beta1, beta2) = (Double(step.beta1), Double(step.beta2))
        let gradients = values(gradient).map(Double.init)
        let first = zip(values(firstMoment), gradients).map {
            Double($0) + ($1 - Double($0)) * (1 - beta1)
        }
        let second = zip(values(secondMoment), gradients).map {
            Double($0) * beta2 + $1 * $1 * (1 - beta2)
        }
        let shape = parameter.shape
        store(tensor(first.map { Float($0) }, shape), into: firstMoment)
        store(tensor(second.map { Float($0) }, shape), into: secondMoment)
        let old = values(parameter)
        let moved = old.indices.map { index -> Float in
            let root = second[index].squareRoot() / Double(step.secondCorrection)
            let change = first[index] / (root + Double(step.epsilon)) * Double(step.stepSize)
            return Float(Double(old[index]) * Double(step.decay) - change)
        }
        return tensor(moved, shape)
    }
}
