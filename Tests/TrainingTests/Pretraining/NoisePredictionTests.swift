import Diffusion
import ModelZoo
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct NoisePredictionTests {
    private let timesteps = [37, 801]

    private func prediction(_ target: PredictionType, _ limit: Float?) throws -> NoisePrediction {
        var config = SchedulerConfig(.ddim)
        (config.betaStart, config.betaEnd) = (0.00085, 0.012)
        (config.betaSchedule, config.predictionType) = (.scaledLinear, target)
        return try NoisePrediction(config, signalToNoiseLimit: limit)
    }

    private func losses(
        _ prediction: NoisePrediction, _ shape: Shape, _ evaluate: (Tensor, [Float]) -> Tensor
    ) -> Tensor {
        let (latents, noise) = (
            recipeInput("latents", shape, scale: 2), recipeInput("noise", shape, scale: 2)
        )
        let (noisy, target) = prediction.examples(latents, noise: noise, at: timesteps)
        let answer = evaluate(noisy, timesteps.map { Float($0) })
        return prediction.losses(of: answer, target: target, at: timesteps)
    }

    @Test func losesWhatDiffusersLoses() throws {
        let fixture = try Fixture("pretraining_noise")  // made by Tests/Fixtures/pretraining.py
        let weights = Weights(try fixture.weights)
        let unet = try UNet(fixture.config(), from: weights)
        try weights.finish()
        let context = recipeInput("ctx", [2, 3, 6])
        for target in [PredictionType.epsilon, .velocity] {
            for limit in [nil, Float(5)] {
                let name = "\(target.rawValue).\(limit == nil ? "even" : "5")"
                let found = losses(try prediction(target, limit), [2, 4, 6, 8]) {
                    unet($0, timesteps: $1, context: context)
                }
                expectSame(found, fixture[name], fixture, "noise prediction")
            }
        }
        let loss = try withGradients {
            try losses(prediction(.velocity, 5), [2, 4, 6, 8]) {
                unet($0, timesteps: $1, context: context)
            }.sum()
        }
        try expectSame(loss.backward(), of: weights.parameters, fixture, "an image UNet")
    }

    @Test func losesTheSameForSounds() throws {
        let fixture = try Fixture("pretraining_noise_sound")
        let weights = Weights(try fixture.weights)
        let unet = try UNet(fixture.config(), from: weights)
        let labels = recipeInput("cls", [2, 5])
        let found = try withGradients {
            try losses(prediction(.epsilon, nil), [2, 2, 6, 4]) {
                unet($0, timesteps: $1, classLabels: labels)
            }
        }
        expectSame(found.detached(), fixture["losses"], fixture, "noise prediction of sounds")
        let gradients = withGradients { found.sum() }.backward()
        try expectSame(gradients, of: weights.parameters, fixture, "a sound UNet")
    }

    @Test func losesTheSameForClips() throws {
        let fixture = try Fixture("pretraining_noise_video")
        let weights = Weights(try fixture.weights)
        let unet = try UNet(fixture.config(), from: weights)
        let context = recipeInput("ctx", [2, 3, 6])
        let found = try withGradients {
            try losses(prediction(.velocity, nil), [2, 2, 3, 4, 4]) {
                unet($0, timesteps: $1, context: context)
            }
        }
        expectSame(found.detached(), fixture["losses"], fixture, "noise prediction of clips")
        let gradients = withGradients { found.sum() }.backward()
        try expectSame(gradients, of: weights.parameters, fixture, "a video UNet")
    }
}
