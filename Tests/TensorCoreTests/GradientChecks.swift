import TensorCore
import TestSupport
import Testing

/// Expects the gradients of `Σ weight · function(inputs)`, for fixed uneven weights, to be those
/// that fourth-order finite differences on the reference give, for every element of every input,
/// on both devices.
///
/// - Parameter step: of the differences; inputs that sit nearer than twice this to a kink
///   disagree
/// - Parameter tolerance: relative to the largest element of an input's gradient
func expectGradients(
    _ subject: String, of inputs: [Tensor], step: Double = 0.02, tolerance: Double = 1e-3,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ function: ([Tensor]) -> Tensor
) {
    let weights = function(inputs.map { $0.on(.reference) }).shape
    let weight = recipeNumbers("gradient weights", weights.elementCount).map { $0 + 0.1 }
    func total(_ inputs: [Tensor]) -> Double {
        zip(function(inputs).floats(), weight).reduce(0) { $0 + Double($1.0) * $1.1 }
    }
    for device in [Device.reference, .cpu] {
        let (leaves, result) = withGradients {
            let leaves = inputs.map { $0.on(device).differentiable() }
            return (leaves, function(leaves))
        }
        let seed = Tensor(weight.map { Float($0) }, result.shape, device: device)
        let found = gradients(of: [(result, seed)])
        for (index, leaf) in leaves.enumerated() {
            let name = "\(subject), input \(index), \(device)"
            guard let gradient = found[leaf] else {
                Issue.record("\(name): no gradient", sourceLocation: sourceLocation)
                continue
            }
            #expect(gradient.shape == leaf.shape, "\(name)", sourceLocation: sourceLocation)
            let analytic = gradient.floats().map(Double.init)
            let numeric = differences(of: inputs, at: index, step: step, total)
            let largest = max(numeric.map(abs).max() ?? 0, 1e-3)
            let error = zip(analytic, numeric).map { abs($0 - $1) }.max() ?? 0
            #expect(
                error <= tolerance * largest && analytic.allSatisfy(\.isFinite),
                "\(name): differs by \(error) of \(largest)", sourceLocation: sourceLocation)
        }
    }
}

/// `∂total / ∂element` for each element of one input.
private func differences(
    of inputs: [Tensor], at index: Int, step: Double, _ total: ([Tensor]) -> Double
) -> [Double] {
    let inputs = inputs.map { $0.on(.reference) }
    let values = inputs[index].floats()
    return values.indices.map { element in
        func moved(_ steps: Double) -> Double {
            var (changed, all) = (values, inputs)
            changed[element] += Float(steps * step)
            all[index] = Tensor(changed, inputs[index].shape, device: .reference)
            return total(all)
        }
        return (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * step)
    }
}
