import Foundation
import MediaIO
import ModelZoo
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct VocoderLossesTests {
    private struct Sizes: Decodable {
        var generator: HiFiGANConfig
        var discriminators: DiscriminatorConfig
    }

    private let mel = MelSpectrogram(
        sampleRate: 1600, melBins: 8, window: 32, hop: 8, lowestFrequency: 50,
        highestFrequency: 700)

    @Test func losesWhatPyTorchLosesInBothPhases() throws {
        let fixture = try Fixture("pretraining_vocoder")  // made by Tests/Fixtures/pretraining.py
        let sizes: Sizes = try fixture.config()
        let stored = try fixture.weights
        let weights = Weights(
            try stored.renamed { $0.hasPrefix("mpd.") || $0.hasPrefix("msd.") ? nil : $0 })
        let judging = Weights(
            try stored.renamed { $0.hasPrefix("mpd.") || $0.hasPrefix("msd.") ? $0 : nil })
        let recipe = VocoderRecipe(
            config: sizes.generator,
            medium: TrainingMedium(.audio, seconds: 1, mel: mel), segmentFrames: 12,
            discriminators: sizes.discriminators, spectra: [32, 64], spectraWeight: 3)
        let task = try VocoderTask(recipe, PretrainingSource(), weights, judging: judging)
        try judging.finish()
        let real = recipeInput("sounds", [2, 95], scale: 1)
        let spectrograms = recipeInput("mel", [2, 12, 8], scale: 2)
        expectSame(mel(real), fixture["spectrogram"], fixture, "the spectrogram")
        let made = task.generator(spectrograms).sliced(1, 0..<95)
        expectSame(made, fixture["made"], fixture, "a weight-normalised vocoder", within: 1e-4)

        let discriminators = try Discriminators(
            sizes.discriminators, from: judging.weightNormalized())
        let judges = judging.parameters
        let losses = withGradients {
            discriminationLoss(
                real: discriminators(real), made: discriminators(made.dense()))
        }
        expectSame(losses.detached(), fixture["discrimination"], fixture, "discriminators")
        let judgesGradients = withGradients { losses.sum() }.backward()
        try expectSame(
            judgesGradients, of: judges, fixture, "discriminators"
        ) { $0.contains(".discriminators.") }

        let total = withGradients {
            let terms = task.terms(task.generator(spectrograms).sliced(1, 0..<95), real)
            for term in terms {
                let expected = fixture[term.name].sum()
                expectSame(term.sum.detached(), expected, fixture, "a vocoder, \(term.name)")
            }
            return TrainingLoss(terms).total(per: [.samples: 1]) ?? Tensor(0)
        }
        expectSame(total.detached(), fixture["total"], fixture, "a vocoder")
        let gradients = total.backward()
        let moving = task.phases[1].parameters
        try expectSame(gradients, of: moving, fixture, "a vocoder") {
            !$0.contains(".discriminators.")
        }
        // The discriminators stand still in the generator's phase, and move again after it.
        #expect(judges.allSatisfy { gradients[$0] == nil && $0.isTrainable })
    }
}
