import SouthBenchmarks
import TensorCore
import TestSupport
import Testing
import Training

/// Fifty steps of two small networks, beside PyTorch's from the same weights and data.
@Suite struct TrainingCurveTests {
    @Test func aTransformerFollowsPyTorchsCurve() throws {
        let fixture = try Fixture("training_transformer")  // made by Tests/Fixtures/training.py
        var config = SmallTransformer.Config()
        (config.vocabulary, config.width, config.layers) = (32, 32, 2)
        (config.heads, config.context) = (4, 16)
        let weights = Weights(try fixture.weights)
        let model = try SmallTransformer(config, from: weights)
        try weights.finish()
        try follow(fixture, weights, "small transformer") { step in
            let ids = integers("ids.\(step % 5)", [4, 17], below: 32)
            return model.loss(ids.sliced(1, 0..<16), targets: ids.sliced(1, 1..<17))
        }
    }

    @Test func aUNetFollowsDiffusersCurve() throws {
        let fixture = try Fixture("training_unet")  // made by Tests/Fixtures/training.py
        var config = SmallUNet.Config()
        (config.channels, config.groups, config.layersPerBlock) = ([8, 16, 16], 4, 1)
        let weights = Weights(try fixture.weights)
        let model = try SmallUNet(config, from: weights)
        try weights.finish()
        try follow(fixture, weights, "small UNet") { step in
            let x = recipeInput("x.\(step % 5)", [2, 3, 8, 8], scale: 2)
            let noise = recipeInput("noise.\(step % 5)", [2, 3, 8, 8], scale: 2)
            let timesteps = integers("steps.\(step % 5)", [2], below: 1000).floats()
            return model.loss(x, timesteps: timesteps, noise: noise)
        }
    }

    /// Trains and compares the first gradients and every loss.
    private func follow(
        _ fixture: Fixture, _ weights: Weights, _ subject: String, _ loss: (Int) -> Tensor
    ) throws {
        try compareFirst(
            withGradients { loss(0) }.backward(), of: weights.parameters, fixture, subject)
        let optimizer = try PhaseOptimizer(
            TrainingPhase("all", [ParameterGroup("all", weights.parameters)]), OptimizerConfig(),
            communicator: Communicator(environment: [:]))
        var losses: [Float] = []
        for step in 0..<50 {
            let value = withGradients { loss(step) }
            try optimizer.accumulate(value, isLast: true)
            _ = try optimizer.step(rate: 1e-3, clip: nil)
            losses.append(value.item())
        }
        for (step, (ours, theirs)) in zip(losses, fixture["losses"].floats()).enumerated() {
            #expect(abs(ours - theirs) <= 1e-3 * theirs, "step \(step): \(ours) and \(theirs)")
        }
    }

    private func compareFirst(
        _ gradients: Gradients, of parameters: [Parameter], _ fixture: Fixture, _ subject: String
    ) throws {
        let all = parameters.flatMap { fixture["gradient.\($0.name)"].floats() }
        let largest = all.map(abs).max() ?? 0
        for parameter in parameters {
            let expected = fixture["gradient.\(parameter.name)"]
            let found = try #require(gradients[parameter], "\(parameter.name)")
            // Attention does not depend on the bias of its keys: both sides have rounding there.
            if expected.absolute().max().item() < 1e-6 * largest {
                #expect(found.absolute().max().item() < 1e-6 * largest, "\(parameter.name)")
                continue
            }
            let error = relativeError(
                found, expected, of: "Gradients of the \(subject)", original: fixture.source)
            #expect(error <= 1e-4, "\(parameter.name)")
        }
    }

    private func integers(_ name: String, _ shape: Shape, below bound: Double) -> Tensor {
        let numbers = recipeNumbers(name, shape.elementCount).map { Int32(($0 + 0.5) * bound) }
        return Tensor(numbers, shape)
    }
}
