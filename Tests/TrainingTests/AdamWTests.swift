import TensorCore
import TestSupport
import Testing
import Training

@Suite struct AdamWTests {
    @Test(arguments: [Device.reference, .cpu]) func stepsAsPyTorchDoes(_ device: Device) throws {
        let fixture = try Fixture("adamw")  // made by Tests/Fixtures/training.py
        let start = recipeInput("parameter", [5, 7], scale: 1).on(device)
        let parameter = Parameter("w", start)
        let optimizer = AdamW(
            [parameter], .init(beta1: 0.9, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.1))
        for step in 0..<6 {
            let seed = recipeInput("gradient.\(step)", [5, 7], scale: 0.1).on(device)
            let value = withGradients { parameter.value }
            optimizer.update(along: gradients(of: [(value, seed)]), learningRate: 0.01)
            let error = relativeError(
                parameter.value, fixture["step.\(step)"], of: "AdamW", original: fixture.source)
            #expect(error <= 1e-6)
        }
    }

    @Test func leavesAParameterWithoutAGradientAlone() {
        let (a, b) = (Parameter("a", Tensor([1])), Parameter("b", Tensor([2])))
        let optimizer = AdamW([a, b])
        let value = withGradients { a.value }
        optimizer.update(along: gradients(of: [(value, Tensor([1]))]), learningRate: 0.1)
        #expect(a.value.item() < 1)
        #expect(b.value.item() == 2)
    }
}
