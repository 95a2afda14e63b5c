import ModelZoo
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct AutoencoderLossTests {
    @Test func losesWhatPyTorchLoses() throws {
        // Made by Tests/Fixtures/pretraining.py.
        let fixture = try Fixture("pretraining_autoencoder")
        let weights = Weights(try fixture.weights)
        let network = try AutoencoderKL(fixture.config(), from: weights)
        try weights.finish()
        let images = recipeInput("images", [2, 3, 8, 12], scale: 2)
        let noise = recipeInput("noise", [2, 2, 4, 6], scale: 2)
        let total = withGradients {
            let moments = network.encode(images, together: true)
            let found = network.decode(moments.sample(noise), together: true)
            let losses = [
                "l1": ReconstructionError.l1(found, images),
                "l2": ReconstructionError.l2(found, images),
                "edges": edgeError(found, images),
                "divergence": moments.divergence() * (1 / Float(images[0].count)),
            ]
            for (name, loss) in losses {
                expectSame(loss.detached(), fixture[name], fixture, "an autoencoder, \(name)")
            }
            let weighted = [("l1", Float(1)), ("edges", 0.5), ("divergence", 0.01)]
                .compactMap { name, weight in losses[name].map { $0 * weight } }
            return (weighted[0] + weighted[1] + weighted[2]).mean()
        }
        expectSame(total.detached(), fixture["total"], fixture, "an autoencoder")
        try expectSame(total.backward(), of: weights.parameters, fixture, "an autoencoder")
    }
}
