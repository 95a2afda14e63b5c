import DataPipeline
import ModelZoo
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct AutoencoderTaskTests {
    private func recipe(_ medium: TrainingMedium, decay: Double? = nil) -> AutoencoderRecipe {
        AutoencoderRecipe(
            config: TinySizes.autoencoder(channels: medium.modality == .image ? 3 : 1),
            medium: medium, edgeWeight: 0.5, klWeight: 1e-4, averageDecay: decay)
    }

    @Test func learnsPicturesAndWritesThemAsPublished() throws {
        try withTemporaryFolder { folder in
            let samples = try PretrainingSamples(folder: folder).images().samples
            let task = try AutoencoderTask(
                recipe(TrainingMedium(.image, size: 16)), PretrainingSource())
            #expect(try differenceWhenSplit(task, samples) < 1e-5)
            let losses = try train(task, on: samples, steps: 30, rate: 5e-3)[0]
            #expect(losses.decline < 0.5, "\(losses)")
            try task.write(to: "\(folder)/vae")
            let weights = Weights(try Checkpoint(folder: "\(folder)/vae"))
            let config: AutoencoderKLConfig = try ConfigFile.read(from: "\(folder)/vae/config.json")
            // diffusers would take one level for all there is.
            #expect(config.downBlockTypes?.count == config.blockOutChannels.count)
            #expect(config.upBlockTypes?.count == config.blockOutChannels.count)
            let network = try AutoencoderKL(config, from: weights)
            try weights.finish()
            let image = try #require(try task.prepare(samples[0])).unsqueezed(0)
            #expect(
                network.encode(image).mean.isClose(to: task.network.encode(image).mean, absolute: 0)
            )
            let previews = try task.previews(
                of: samples.compactMap(task.prepare), at: TrainingMoment(seed: 1, step: 1))
            guard case .image(let shown) = previews[0].content else {
                Issue.record("a preview that is no picture")
                return
            }
            #expect(previews.count == 4 && shown.shape == [16, 32, 3])
        }
    }

    @Test func learnsSpectrograms() throws {
        try withTemporaryFolder { folder in
            let samples = try PretrainingSamples(folder: folder).sounds().samples
            let task = try AutoencoderTask(
                recipe(TrainingMedium(.audio, seconds: 0.2, mel: tinyMel)), PretrainingSource())
            let item = try task.prepare(samples[0])
            #expect(item?.shape == [1, 32, 8])
            let losses = try train(task, on: samples, steps: 30, rate: 5e-3)[0]
            #expect(losses.decline < 0.6, "\(losses)")
        }
    }

    @Test func writesRunningAveragesThatGoOnWhereTheyWere() throws {
        try withTemporaryFolder { folder in
            let samples = try PretrainingSamples(folder: folder).images().samples
            let medium = TrainingMedium(.image, size: 16)
            let task = try AutoencoderTask(recipe(medium, decay: 0.9), PretrainingSource())
            _ = try train(task, on: samples, steps: 3, rate: 1e-2)
            let file = "\(folder)/state.safetensors"
            try Safetensors.write(task.state, to: file)

            let other = try AutoencoderTask(recipe(medium, decay: 0.9), PretrainingSource())
            try other.restore(Checkpoint(contentsOf: file))
            for (mine, theirs) in zip(task.state, other.state) {
                #expect(mine.name == theirs.name)
                #expect(mine.value.floats() == theirs.value.floats())
            }
            try task.write(to: "\(folder)/averaged")
            let written = try Checkpoint(folder: "\(folder)/averaged")
            let name = "decoder.conv_in.weight"
            let average = try #require(try written[name]?.tensor())
            let weight = try #require(
                task.phases[0].parameters.first { $0.name == name }?.value)
            #expect(!average.isClose(to: weight, absolute: 1e-4))

            let plain = try AutoencoderTask(recipe(medium), PretrainingSource())
            #expect(plain.state.isEmpty)
            #expect(throws: CheckpointError.self) { try other.restore(written) }
        }
    }

    @Test func refusesMediaThatDoNotFit() {
        let error = #expect(throws: SettingsError.self) {
            try AutoencoderTask(recipe(TrainingMedium(.image, size: 15)), PretrainingSource())
        }
        #expect(
            error?.description
                == "the recipe: 'recipe.medium.size' is 15, expected a positive multiple of 4.")
        #expect(throws: SettingsError.self) {
            try AutoencoderTask(
                recipe(TrainingMedium(.audio, seconds: 0.21, mel: tinyMel)), PretrainingSource())
        }
    }
}
