import DataPipeline
import MediaIO
import ModelZoo
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct VocoderTaskTests {
    static var recipe: VocoderRecipe {
        VocoderRecipe(
            config: HiFiGANConfig(
                melBins: 8, sampleRate: 1600, initialChannels: 16, upsampleRates: [5, 2],
                upsampleKernelSizes: [11, 4], resblockKernelSizes: [3]),
            medium: TrainingMedium(.audio, seconds: 0.2, mel: tinyMel), segmentFrames: 12,
            discriminators: DiscriminatorConfig(
                periods: [2, 3], periodChannels: [4, 8, 8], scales: 2,
                scaleChannels: [4, 4, 4, 8, 8, 8, 8], scaleGroups: [1, 2, 2, 4, 4, 4, 1]))
    }

    @Test func learnsInTwoPhasesAndWritesWholeWeights() throws {
        try withTemporaryFolder { folder in
            let samples = try PretrainingSamples(folder: folder).sounds().samples
            let task = try VocoderTask(Self.recipe, PretrainingSource())
            #expect(task.phases.map(\.name) == ["discriminator", "generator"])
            #expect(try differenceWhenSplit(task, samples) < 1e-5)
            let losses = try train(task, on: samples, steps: 25, rate: 4e-3)
            #expect(losses[0].decline < 1, "\(losses[0])")
            #expect(losses[1].decline < 0.8, "\(losses[1])")

            try task.write(to: "\(folder)/vocoder")
            let stored = try Checkpoint(folder: "\(folder)/vocoder")
            #expect(stored["conv_pre.weight"] != nil && stored["conv_pre.weight_g"] == nil)
            let weights = Weights(stored)
            let config: HiFiGANConfig = try ConfigFile.read(
                from: "\(folder)/vocoder/config.json")
            let network = try HiFiGAN(config, from: weights)
            try weights.finish(unused: HiFiGAN.unusedTensors)
            let mel = recipeInput("mel", [1, 20, 8])
            #expect(network(mel).isClose(to: task.generator(mel), absolute: 1e-5))

            var again = Self.recipe
            (again.from, again.config) = ("\(folder)/vocoder", nil)
            let continued = try VocoderTask(again, PretrainingSource())
            #expect(continued.generator(mel).isClose(to: task.generator(mel), absolute: 1e-5))
        }
    }

    @Test func learnsFromSpectrogramsAloneWithoutDiscriminators() throws {
        try withTemporaryFolder { folder in
            let samples = try PretrainingSamples(folder: folder).sounds().samples
            var recipe = Self.recipe
            (recipe.discriminators, recipe.spectra) = (nil, [16, 64])
            let task = try VocoderTask(recipe, PretrainingSource())
            #expect(task.phases.map(\.name) == ["generator"])
            #expect(try differenceWhenSplit(task, samples) < 1e-5)
            let losses = try train(task, on: samples, steps: 20, rate: 4e-3)[0]
            #expect(losses.decline < 0.8, "\(losses)")
        }
    }

    @Test func refusesASpectrogramThatIsNotTheVocoders() {
        var recipe = Self.recipe
        recipe.medium.mel?.hop = 8
        let error = #expect(throws: SettingsError.self) {
            try VocoderTask(recipe, PretrainingSource())
        }
        #expect(
            error?.description
                == "the recipe: 'recipe.medium.mel.hop' is 8, expected 10, as the rates multiply to."
        )
        recipe = Self.recipe
        recipe.segmentFrames = 2
        #expect(throws: SettingsError.self) { try VocoderTask(recipe, PretrainingSource()) }
        recipe = Self.recipe
        recipe.spectra = [64, 240]
        let tooLong = #expect(throws: SettingsError.self) {
            try VocoderTask(recipe, PretrainingSource())
        }
        #expect(tooLong?.description.contains("'recipe.spectra' is 240, expected 4 to 239") == true)
    }
}
