extension ReferenceBackend {
    func adamWStep(
        _ parameter: Tensor, gradient: Tensor, first: Tensor, second: Tensor, _ step: AdamWStep
    ) -> Tensor {
        let (w, g) = (values(parameter), values(gradient).map { Double($0) * step.gradientScale })
        let m = zip(values(first), g).map { Double($0) * step.beta1 + $1 * (1 - step.beta1) }
        let v = zip(values(second), g).map { Double($0) * step.beta2 + $1 * $1 * (1 - step.beta2) }
        store(tensor(m.map { Float($0) }, first.shape), into: first)
        store(tensor(v.map { Float($0) }, second.shape), into: second)
        let (stepSize, correction) = step.corrected
        let moved = w.indices.map { index in
            let kept = Double(w[index]) * (1 - step.learningRate * step.weightDecay)
            let root = v[index].squareRoot() / correction + step.epsilon
            return Float(kept - stepSize * m[index] / root)
        }
        return tensor(moved, parameter.shape)
    }

    func sumOfSquares(_ x: Tensor) -> Double {
        values(x).reduce(0.0) { $0 + Double($1) * Double($1) }
    }
}
