import TensorCore
import TestSupport
import Testing

/// Compares every gradient that a fixture has, `gradient.<parameter>`, with those of parameters of
/// the same names.
func expectSame(
    _ gradients: Gradients, of parameters: [Parameter], _ fixture: Fixture, _ subject: String,
    where isMeant: (String) -> Bool = { _ in true }
) throws {
    let names = fixture.checkpoint.tensors.map(\.name).filter {
        $0.hasPrefix("gradient.") && isMeant($0)
    }
    #expect(!names.isEmpty)
    let largest = names.map { fixture[$0].absolute().max().item() }.max() ?? 0
    for name in names {
        let expected = fixture[name]
        let parameter = try #require(
            parameters.first { "gradient.\($0.name)" == name }, "\(name) has no parameter")
        // Attention does not depend on the bias of its keys: both sides have rounding there.
        if expected.absolute().max().item() < 1e-5 * largest {
            let found = gradients[parameter]?.absolute().max().item() ?? 0
            #expect(found < 1e-5 * largest, "\(name)")
            continue
        }
        let found = try #require(gradients[parameter], "\(name)")
        let error = relativeError(
            found, expected.reshaped(found.shape), of: "Gradients of \(subject)",
            original: fixture.source)
        #expect(error <= 1e-4, "\(name): \(error)")
    }
}

/// Compares losses, to 1e-5 of the largest.
func expectSame(
    _ found: Tensor, _ expected: Tensor, _ fixture: Fixture, _ subject: String,
    within tolerance: Float = 1e-5
) {
    let error = relativeError(
        found, expected, of: "Losses of \(subject)", original: fixture.source)
    #expect(error <= tolerance, "\(subject): \(error)")
}
