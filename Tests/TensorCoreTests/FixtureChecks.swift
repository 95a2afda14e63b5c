import TensorCore
import TestSupport
import Testing

/// Values and gradients of a family of operations as another library computed them.
struct FixtureChecks {
    let fixture: Fixture
    let group: String

    init(_ name: String, _ group: String) throws {
        fixture = try Fixture(name)
        self.group = group
    }

    /// Holds `function(inputs)` on every device against the tensor of that name, and the gradients
    /// of its sum with the weights `gradient` against `<name>.gradient.<index>` (or
    /// `<name>.gradient`).
    func expect(
        _ name: String, _ inputs: [Tensor], tolerance: Float = 1e-5,
        sourceLocation: SourceLocation = #_sourceLocation, _ function: ([Tensor]) -> Tensor
    ) {
        for device in [Device.reference, .cpu] {
            let (leaves, result) = withGradients {
                let leaves = inputs.map { $0.on(device).differentiable() }
                return (leaves, function(leaves))
            }
            let error = relativeError(
                result, fixture[name], of: "\(group), \(device)", original: fixture.source)
            #expect(error <= tolerance, "\(name), \(device)", sourceLocation: sourceLocation)
            let weights = recipeInput("gradient", result.shape).on(device)
            guard error <= tolerance else { continue }
            let found = gradients(of: [(result, weights)])
            for (index, leaf) in leaves.enumerated() {
                let numbered = "\(name).gradient.\(index)"
                let key =
                    fixture.checkpoint[numbered] == nil ? "\(name).gradient" : numbered
                guard let gradient = found[leaf] else {
                    Issue.record("\(key): none on \(device)", sourceLocation: sourceLocation)
                    continue
                }
                let error = relativeError(
                    gradient, fixture[key], of: "\(group), gradients, \(device)",
                    original: fixture.source)
                #expect(error <= tolerance, "\(key), \(device)", sourceLocation: sourceLocation)
            }
        }
    }

    /// Holds indices on every device against the tensor of that name, to the number.
    func expectIndices(
        _ name: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ function: (Device) -> Tensor
    ) {
        for device in [Device.reference, .cpu] {
            #expect(
                function(device).integers() == fixture[name].integers(), "\(name), \(device)",
                sourceLocation: sourceLocation)
        }
    }
}
