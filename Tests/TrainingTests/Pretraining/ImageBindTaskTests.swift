import DataPipeline
import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct ImageBindTaskTests {
    static var config: ImageBindConfig {
        ImageBindConfig(
            embeddingWidth: 12,
            vision: ImageBindVisionConfig(
                trunk: ImageBindTrunkConfig(width: 16, blocks: 1, heads: 2, preNorm: true),
                imageSize: 16, patchSize: 8, temporalPatchSize: 2, framesPerClip: 2, clips: 2,
                crops: 3, secondsPerClip: 0.5),
            audio: ImageBindAudioConfig(
                trunk: ImageBindTrunkConfig(width: 16, blocks: 1, heads: 2, keyValueBias: true),
                sampleRate: 1600, melBins: 16, frames: 20, patchSize: 8, stride: 4, clips: 2,
                secondsPerClip: 0.2, mean: -4, deviation: 9, logitScale: 20),
            text: ImageBindTextConfig(
                trunk: ImageBindTrunkConfig(width: 16, blocks: 1, heads: 2), vocabularySize: 530,
                contextLength: 16))
    }

    private func task(_ datasets: [DialogueDataset]) throws -> ImageBindTask {
        try ImageBindTask(
            ImageBindRecipe(config: Self.config), PretrainingSource(datasets: datasets))
    }

    @Test func learnsWhichCaptionBelongsToWhichMedium() throws {
        try withTemporaryFolder { folder in
            let samples = PretrainingSamples(folder: folder)
            let datasets = [try samples.images(), try samples.sounds(), try samples.clips()]
            let task = try task(datasets)
            for (dataset, name) in zip(datasets, ["text_image", "text_audio", "text_video"]) {
                let items = try dataset.samples.compactMap(task.prepare)
                let loss = try task.loss(
                    of: items, in: 0, at: TrainingMoment(seed: 1, step: 1))
                #expect(loss.terms.map(\.name) == [name])
                #expect(task.counts(of: items, in: 0) == [.samples: 4])
            }
            // Samples of all kinds in one batch.
            let mixed = try datasets.flatMap { try $0.samples }
            let losses = try train(task, on: mixed, steps: 60, rate: 5e-4)[0]
            #expect(losses.decline < 0.2, "\(losses)")

            try task.write(to: "\(folder)/encoder")
            let weights = Weights(try Checkpoint(folder: "\(folder)/encoder"))
            let stored: ImageBindConfig = try ConfigFile.read(
                from: "\(folder)/encoder/config.json")
            let towers = try ImageBind(stored, from: weights)
            try weights.finish(unused: ImageBind.unusedTensors)
            let image = recipeInput("image", [2, 3, 16, 16])
            #expect(
                towers.embed(image, .image).isClose(
                    to: task.media.embed(image, .image), absolute: 0))
            let continued = try ImageBindTask(
                ImageBindRecipe(from: "\(folder)/encoder"), PretrainingSource())
            let ids = Tensor([Int32](repeating: 3, count: 16), [1, 16])
            #expect(continued.text.embed(ids).isClose(to: task.text.embed(ids), absolute: 0))
        }
    }

    @Test func goesOnWithTheVocabularyThatTheTextsWereLearntWith() throws {
        try withTemporaryFolder { folder in
            var samples = PretrainingSamples(folder: folder)
            let first = try task([samples.images()])
            try first.write(to: "\(folder)/first")
            // Of other texts another would be made.
            samples.captions = ["circles", "a triangle that nobody saw"]
            let others = PretrainingSource(datasets: [try samples.sounds()])
            let fresh = try ImageBindTask(ImageBindRecipe(config: Self.config), others)
            #expect(fresh.identity != first.identity)
            let recipe = ImageBindRecipe(from: "\(folder)/first")
            #expect(try ImageBindTask(recipe, others).identity == first.identity)
            try FileManager.default.removeItem(atPath: "\(folder)/first/vocab.json")
            let error = #expect(throws: SettingsError.self) {
                try ImageBindTask(recipe, others)
            }
            #expect(error?.description.contains("'recipe.tokenizer' is absent") == true)
        }
    }

    @Test func leavesTheTextsWhereOnlyMediaMove() throws {
        try withTemporaryFolder { folder in
            let dataset = try PretrainingSamples(folder: folder).images()
            let task = try ImageBindTask(
                ImageBindRecipe(config: Self.config, trainsText: false),
                PretrainingSource(datasets: [dataset]))
            let ids = Tensor([Int32](repeating: 3, count: 16), [1, 16])
            let image = recipeInput("image", [1, 3, 16, 16])
            let (text, seen) = (
                task.text.embed(ids).dense(), task.media.embed(image, .image).dense()
            )
            _ = try train(task, on: dataset.samples, steps: 2, rate: 1e-2)
            // The scale of the cosines is the text tower's, and moves all the same.
            #expect(task.text.embed(ids).isClose(to: text, absolute: 1e-6))
            #expect(!task.media.embed(image, .image).isClose(to: seen, absolute: 1e-3))
            #expect(abs(task.text.logarithmOfLogitScale.value.item() - logf(1 / 0.07)) > 1e-6)
        }
    }

    @Test(arguments: ["vision", "audio"])
    func drawsPositionsOfATowerAnewAndTakesTheRestAsItIs(tower: String) throws {
        try withTemporaryFolder { folder in
            let dataset = try PretrainingSamples(folder: folder).images()
            try task([dataset]).write(to: "\(folder)/first")
            var recipe = ImageBindRecipe(
                from: "\(folder)/first", positionDeviation: [tower: 0.5])
            try ImageBindTask(recipe, PretrainingSource()).write(to: "\(folder)/second")
            let (first, second) = (
                try Checkpoint(folder: "\(folder)/first"),
                try Checkpoint(folder: "\(folder)/second")
            )
            let positions = "modality_preprocessors.\(tower).pos_embedding_helper.pos_embed"
            for stored in first.tensors where stored.name != positions {
                let again = try #require(second[stored.name]).tensor()
                #expect(try again.isClose(to: stored.tensor(), absolute: 0), "\(stored.name)")
            }
            let drawn = try #require(second[positions]).tensor()
            let deviation = drawn.squared().mean().item().squareRoot()
            #expect(abs(deviation - 0.5) < 0.1)
            let wrong: [(deviation: [String: Float], said: String)] = [
                ([tower: -1], "'recipe.position_deviation.\(tower)' is -1.0"),
                (["thermal": 1], "'recipe.position_deviation' is of 'thermal'"),
            ]
            for (deviation, said) in wrong {
                recipe.positionDeviation = deviation
                let error = #expect(throws: SettingsError.self) {
                    try ImageBindTask(recipe, PretrainingSource())
                }
                #expect(error?.description.contains(said) == true)
            }
        }
    }

    @Test func keepsTheScaleWhereItIsNotLearnt() throws {
        try withTemporaryFolder { folder in
            let dataset = try PretrainingSamples(folder: folder).images()
            let task = try ImageBindTask(
                ImageBindRecipe(config: Self.config, learnsScale: false),
                PretrainingSource(datasets: [dataset]))
            _ = try train(task, on: dataset.samples, steps: 2, rate: 1e-2)
            #expect(abs(task.text.logarithmOfLogitScale.value.item() - logf(1 / 0.07)) < 1e-6)
            #expect(task.phases[0].groups.map(\.name) == ["towers"])
        }
    }

    @Test(arguments: [PretrainingTask.clipText, .clapText])
    func aTextEncoderLearnsTheSpaceOfAFrozenOne(_ kind: PretrainingTask) throws {
        try withTemporaryFolder { folder in
            let dataset = try PretrainingSamples(folder: folder).images()
            try task([dataset]).write(to: "\(folder)/encoder")
            let text =
                kind == .clipText
                ? TextEncoderRecipe(
                    clip: CLIPTextConfig(
                        vocabSize: 530, hiddenSize: 16, intermediateSize: 32, numHiddenLayers: 1,
                        numAttentionHeads: 2, maxPositionEmbeddings: 16, hiddenAct: "gelu"))
                : TextEncoderRecipe(
                    clap: CLAPTextConfig(
                        vocabSize: 280, hiddenSize: 16, intermediateSize: 32, numHiddenLayers: 1,
                        numAttentionHeads: 2, maxPositionEmbeddings: 32, projectionDim: 12))
            let encoder = try TextEncoderTask(
                kind.rawValue,
                .init(textEncoder: text, encoder: "\(folder)/encoder", modality: .image),
                PretrainingSource(datasets: [dataset]))
            let losses = try train(encoder, on: dataset.samples, steps: 30, rate: 5e-3)[0]
            #expect(losses.decline < 0.6, "\(losses)")
            try encoder.write(to: folder)
            let weights = Weights(try Checkpoint(folder: "\(folder)/text_encoder"))
            let file = "\(folder)/text_encoder/config.json"
            if kind == .clipText {
                _ = try CLIPTextModel(ConfigFile.read(from: file), from: weights)
                try weights.finish(unused: CLIPTextModel.unused)
                #expect(try CLIPTokenizer(folder: "\(folder)/tokenizer").vocabularySize > 513)
            } else {
                _ = try CLAPTextModel(ConfigFile.read(from: file), from: weights)
                try weights.finish(unused: CLAPTextModel.unused)
                #expect(try RobertaTokenizer(folder: "\(folder)/tokenizer").vocabularySize > 260)
            }
        }
    }
}
