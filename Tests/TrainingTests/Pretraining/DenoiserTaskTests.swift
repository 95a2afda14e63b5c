import DataPipeline
import Diffusion
import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct DenoiserTaskTests {
    private let clip = TextEncoderRecipe(
        clip: CLIPTextConfig(
            vocabSize: 530, hiddenSize: 12, intermediateSize: 24, numHiddenLayers: 1,
            numAttentionHeads: 2, maxPositionEmbeddings: 12, hiddenAct: "gelu"))
    private let clap = TextEncoderRecipe(
        clap: CLAPTextConfig(
            vocabSize: 280, hiddenSize: 12, intermediateSize: 24, numHiddenLayers: 1,
            numAttentionHeads: 2, maxPositionEmbeddings: 24, projectionDim: 12))

    private func scheduler(_ target: PredictionType) -> SchedulerConfig {
        var config = SchedulerConfig(.ddim)
        (config.betaStart, config.betaEnd) = (0.00085, 0.012)
        (config.betaSchedule, config.predictionType) = (.scaledLinear, target)
        (config.clipSample, config.setAlphaToOne, config.stepsOffset) = (false, false, 1)
        return config
    }

    /// Writes an autoencoder of fresh weights whose latents are as narrow as those of a trained one.
    ///
    /// A fresh one's are nearly all noise: of noise in noise the velocity cannot be told.
    private func vae(_ medium: TrainingMedium, _ folder: String) throws -> String {
        let isSound = medium.modality == .audio
        let still = isSound ? medium : TrainingMedium(.image, size: medium.size)
        let task = try AutoencoderTask(
            AutoencoderRecipe(
                config: TinySizes.autoencoder(channels: isSound ? 1 : 3), medium: still),
            PretrainingSource())
        let bias = try #require(task.phases[0].parameters.first { $0.name == "quant_conv.bias" })
        bias.replace(with: Tensor([0, 0, 0, 0, -8, -8, -8, -8]))
        try task.write(to: "\(folder)/vae-\(medium.modality.rawValue)")
        return "\(folder)/vae-\(medium.modality.rawValue)"
    }

    private func task(
        _ medium: TrainingMedium, _ dataset: DialogueDataset, _ folder: String,
        target: PredictionType = .epsilon, trainsText: Bool = true,
        _ change: (inout DenoiserRecipe) -> Void = { _ in }
    ) throws -> DenoiserTask {
        var recipe = DenoiserRecipe(
            config: TinySizes.unet(medium.modality), scheduler: scheduler(target), medium: medium,
            vae: try vae(medium, folder), textEncoder: medium.modality == .audio ? clap : clip,
            trainsTextEncoder: trainsText)
        change(&recipe)
        return try DenoiserTask(
            recipe, PretrainingSource(file: "unet.yaml", datasets: [dataset]))
    }

    @Test func learnsPicturesWithItsTextEncoderAndWritesADecoder() throws {
        try withTemporaryFolder { folder in
            let dataset = try PretrainingSamples(folder: folder).images()
            let task = try task(TrainingMedium(.image, size: 16), dataset, folder)
            #expect(task.phases[0].groups.map(\.name) == ["unet", "textEncoder"])
            let samples = try dataset.samples
            let before = try meanLoss(task, on: samples)
            _ = try train(task, on: samples, steps: 20, rate: 4e-3)
            let after = try meanLoss(task, on: samples)
            #expect(after < 0.7 * before, "\(before) → \(after)")

            try task.write(to: "\(folder)/decoder")
            let decoder = try MediaDecoder(folder: "\(folder)/decoder")
            #expect(decoder.config.vae.latentScale == task.latentScale)
            var options = DecoderOptions()
            (options.steps, options.height, options.width) = (2, 16, 16)
            let picture = try decoder.generate(
                conditioning: decoder.conditioning(prompt: "a red square"), options: options)
            #expect(picture.shape == [3, 16, 16])
            let preview = try task.previews(
                of: [#require(try task.prepare(samples[0]))], at: TrainingMoment(seed: 1, step: 1))
            guard case .image(let shown) = preview[0].content else {
                Issue.record("a preview that is no picture")
                return
            }
            #expect(shown.shape == [16, 16, 3])
        }
    }

    @Test func measuresAScaleThatMakesLatentsAsWideAsNoise() throws {
        try withTemporaryFolder { folder in
            let dataset = try PretrainingSamples(folder: folder).images()
            let task = try task(
                TrainingMedium(.image, size: 16), dataset, folder, trainsText: false)
            let items = try dataset.samples.compactMap(task.prepare)
            var generator = CounterGenerator(seed: 5)
            let drawn = Tensor.stack(
                (0..<64).flatMap { _ in
                    items.map { $0.latents.sample(generator.normal($0.latents.mean.shape)) }
                })
            let deviation = (drawn * task.latentScale).variance().squareRoot().item()
            #expect(abs(deviation - 1) < 0.02, "\(deviation)")
        }
    }

    @Test func learnsSoundsByTheirClassEmbedding() throws {
        try withTemporaryFolder { folder in
            let dataset = try PretrainingSamples(folder: folder).sounds()
            let medium = TrainingMedium(.audio, seconds: 0.2, mel: tinyMel)
            let vocoder = try VocoderTask(
                VocoderTaskTests.recipe, PretrainingSource())
            try vocoder.write(to: "\(folder)/vocoder")
            let task = try task(medium, dataset, folder, target: .velocity) {
                $0.vocoder = "\(folder)/vocoder"
                $0.signalToNoiseLimit = 5
            }
            let samples = try dataset.samples
            let before = try meanLoss(task, on: samples)
            _ = try train(task, on: samples, steps: 20, rate: 4e-3)
            let after = try meanLoss(task, on: samples)
            #expect(after < 0.7 * before, "\(before) → \(after)")
            try task.write(to: "\(folder)/decoder")
            let decoder = try MediaDecoder(folder: "\(folder)/decoder")
            #expect(decoder.modality == .audio)
            let preview = try task.previews(
                of: [#require(try task.prepare(samples[0]))], at: TrainingMoment(seed: 1, step: 1))
            guard case .sound(_, let rate) = preview[0].content else {
                Issue.record("a preview that is no sound")
                return
            }
            #expect(rate == 1600)
        }
    }

    @Test func aVideoNetworkBeginsAsThePictureNetworkInEveryFrame() throws {
        try withTemporaryFolder { folder in
            let samples = PretrainingSamples(folder: folder)
            let still = try task(
                TrainingMedium(.image, size: 16), samples.images(), folder, trainsText: false
            ) {
                $0.config?.blockOutChannels = [32, 32]
                $0.averageDecay = nil
            }
            try still.write(to: "\(folder)/still")
            let clips = try samples.clips()
            let moving = try task(
                TrainingMedium(.video, size: 16, frames: 4), clips, folder, trainsText: false
            ) {
                $0.spatialFrom = "\(folder)/still/unet"
                $0.freezesSpatial = true
            }
            let latents = recipeInput("clip", [1, 4, 3, 8, 8])
            let context = recipeInput("text", [1, 12, 12])
            let clip = moving.unet(latents, timestep: 300, context: context)
            for frame in 0..<3 {
                let one = still.unet(
                    latents.selected(2, frame), timestep: 300, context: context)
                #expect(clip.selected(2, frame).isClose(to: one, absolute: 1e-4))
            }
            let names = moving.phases[0].parameters.map(\.name)
            #expect(!names.isEmpty)
            #expect(names.allSatisfy { $0.contains("temp_") || $0.hasPrefix("transformer_in.") })

            let losses = try train(moving, on: clips.samples, steps: 4, rate: 4e-3)[0]
            #expect(losses.allSatisfy { $0.isFinite })
            try moving.write(to: "\(folder)/decoder")
            #expect(try MediaDecoder(folder: "\(folder)/decoder").modality == .video)
        }
    }

    @Test func drawsTheSameAtTheSameMoment() throws {
        try withTemporaryFolder { folder in
            let dataset = try PretrainingSamples(folder: folder).images()
            let task = try task(
                TrainingMedium(.image, size: 16), dataset, folder, trainsText: false)
            let items = try dataset.samples.compactMap(task.prepare)
            func loss(_ moment: TrainingMoment) throws -> Float {
                try task.loss(of: items, in: 0, at: moment).terms[0].sum.item()
            }
            let moment = TrainingMoment(seed: 1, step: 5)
            #expect(try differenceWhenSplit(task, dataset.samples) < 1e-5)
            let first = try loss(moment)
            #expect(try loss(moment) == first)
            #expect(try loss(TrainingMoment(seed: 1, step: 6)) != first)
        }
    }

    @Test func refusesNetworksThatDoNotFit() throws {
        try withTemporaryFolder { folder in
            let dataset = try PretrainingSamples(folder: folder).images()
            let medium = TrainingMedium(.image, size: 16)
            let error = #expect(throws: SettingsError.self) {
                try task(medium, dataset, folder) { $0.config?.crossAttentionDim = 13 }
            }
            #expect(
                error?.description
                    == "unet.yaml: 'recipe.config.cross_attention_dim' is 13, expected 12.")
            #expect(throws: SettingsError.self) {
                try task(medium, dataset, folder) { $0.freezesSpatial = true }
            }
            #expect(throws: SettingsError.self) {
                try task(medium, dataset, folder) { $0.captionDropout = 2 }
            }
        }
    }
}
