import DataPipeline
import Diffusion
import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct PretrainingTaskTests {
    private let folder = Fixture.path("../../Configs/pretrain")

    private func files(_ task: PretrainingTask) -> [String] {
        ["\(folder)/base.yaml", "\(folder)/\(task.rawValue).yaml"]
    }

    private func read<Recipe: Codable & Sendable>(
        _ task: PretrainingTask, _ type: Recipe.Type
    ) throws -> Recipe {
        let settings = try RunSettings<PretrainingConfig<Recipe>>(files: files(task))
        #expect(settings.task.task == task)
        #expect(settings.run.seed == 13 && settings.run.saveEvery == 200)
        #expect(settings.engine.trainMicroBatchSizePerGpu >= 16)
        return settings.task.recipe
    }

    @Test func readsTheFileOfEveryTask() throws {
        let llama = try read(.llama, LanguageModelRecipe.self)
        #expect(llama.config?.hiddenSize == 192)
        let towers = try read(.imagebind, ImageBindRecipe.self)
        #expect(towers.config?.text?.trunk.width == 128)
        #expect(try read(.clipText, TextEncoderTask.Recipe.self).modality == .image)
        let clap = try read(.clapText, TextEncoderTask.Recipe.self).textEncoder.clap
        #expect(clap?.projectionDim == 128)
        #expect(try read(.vae, AutoencoderRecipe.self).klWeight == 1e-6)
        let unet = try read(.unet, DenoiserRecipe.self)
        #expect(unet.scheduler.kind == .ddim)
        #expect(unet.config?.crossAttentionDim == 64)
        let vocoder = try read(.vocoder, VocoderRecipe.self)
        #expect(vocoder.config?.resblockDilationSizes[2] == [1, 3, 5])
        #expect(vocoder.discriminators?.periods.count == 5)
    }

    @Test func opensATaskByItsName() throws {
        try withTemporaryFolder { temporary in
            let samples = PretrainingSamples(folder: temporary)
            let (settings, task) = try PretrainingTask.named("vae").open(
                files: files(.vae),
                assignments: [
                    "recipe.medium.size=16", "recipe.config.block_out_channels=[8, 16]",
                    "dataset_name_list=[mine]", "train_micro_batch_size_per_gpu=2", "epochs=3",
                ]
            ) { name in
                #expect(name == "mine")
                return try samples.images()
            }
            #expect(task.name == "vae")
            #expect(task.phases[0].groups.map(\.name) == ["autoencoder"])
            let plan = try RunPlan(task: task.name, settings: settings, sizes: [4])
            #expect(plan.steps == 6 && plan.batchSize == 2)
        }
    }

    @Test(arguments: ["fp16.enabled", "bf16.enabled", "checkpoint_activations"])
    func saysThatOnlyTheLanguageModelTrainsInLess(_ key: String) throws {
        let error = #expect(throws: SettingsError.self) {
            try PretrainingTask.vae.open(files: files(.vae), assignments: ["\(key)=true"]) { _ in
                throw SettingsError.missingKey(key: "data", file: "none")
            }
        }
        #expect(
            error?.description
                == "\(folder)/vae.yaml: '\(key)' is true, expected false: vae is trained in float32 "
                + "with all activations kept. Only llama and the stages can do with less.")
    }

    @Test func saysWhichNamesThereAre() {
        let error = #expect(throws: SettingsError.self) { try PretrainingTask.named("gan") }
        #expect(
            error?.description
                == "--task: 'task' is 'gan', expected llama, imagebind, clip_text, clap_text, vae, "
                + "unet, vocoder.")
    }

    @Test(arguments: [
        ("recipe.kl_wieght=1", "unknown key 'recipe.kl_wieght'; did you mean 'recipe.kl_weight'?"),
        ("recipe.medium.pixels=1", "unknown key 'recipe.medium.pixels'"),
        ("epochs=0", "'epochs' is 0"), ("warmup_rate=2", "'warmup_rate' is 2.0"),
        ("dataset_name_list=[]", "at least one name"),
        ("train_micro_batch_size_per_gpu=0", "'train_micro_batch_size_per_gpu' is 0"),
        ("task=unet", "'task' is 'unet', expected vae, as asked for"),
    ])
    func refusesWhatItCannotRead(_ assignment: String, _ part: String) {
        let error = #expect(throws: SettingsError.self) {
            _ = try PretrainingTask.vae.open(files: files(.vae), assignments: [assignment]) { _ in
                Issue.record("a dataset was opened")
                throw SettingsError.missingKey(key: "", file: "")
            }
        }
        #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }

    @Test func aFileOfAnotherTaskIsNamedBeforeItsRecipeIsRead() {
        let error = #expect(throws: SettingsError.self) {
            _ = try PretrainingTask.vae.open(files: files(.vocoder)) { _ in
                throw SettingsError.missingKey(key: "", file: "")
            }
        }
        #expect(
            error?.description
                == "\(folder)/vocoder.yaml: 'task' is 'vocoder', expected vae, as asked for.")
    }

    /// Sizes of the files that MelodyMini's parts are made with: what a reader may take from them.
    @Test func theFilesDescribeSmallNetworks() throws {
        let config = try #require(try read(.unet, DenoiserRecipe.self).config)
        let weights = Weights.shapesOnly()
        _ = try UNet(config, from: weights)
        let count = weights.parameters.reduce(0) { $0 + $1.value.count }
        #expect((2_000_000...4_000_000).contains(count), "\(count)")
    }
}
