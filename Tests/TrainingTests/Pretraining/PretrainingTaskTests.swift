import DataPipeline
import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct PretrainingTaskTests {
    private let folder = Fixture.path("../../Configs/pretrain")

    private func read<Recipe: Codable & Sendable>(
        _ task: PretrainingTask, _ type: Recipe.Type, _ assignments: [String] = []
    ) throws -> PretrainingConfig<Recipe> {
        let config = try PretrainingConfig<Recipe>(
            contentsOf: "\(folder)/\(task.rawValue).yaml", assignments: assignments)
        #expect(config.task == task)
        return config
    }

    @Test func readsTheFileOfEveryTask() throws {
        let llama = try read(.llama, LanguageModelRecipe.self)
        #expect(llama.recipe.config?.hiddenSize == 192)
        #expect(llama.engine.optimizer.params.betas == [0.9, 0.95])
        #expect(try read(.imagebind, ImageBindRecipe.self).recipe.config?.text?.trunk.width == 128)
        #expect(try read(.clipText, TextEncoderTask.Recipe.self).recipe.modality == .image)
        #expect(
            try read(.clapText, TextEncoderTask.Recipe.self).recipe.textEncoder.clap?
                .projectionDim == 128)
        #expect(try read(.vae, AutoencoderRecipe.self).recipe.klWeight == 1e-6)
        let unet = try read(.unet, DenoiserRecipe.self)
        #expect(unet.recipe.scheduler.kind == .ddim)
        #expect(unet.recipe.config?.crossAttentionDim == 64)
        let vocoder = try read(.vocoder, VocoderRecipe.self)
        #expect(vocoder.recipe.config?.resblockDilationSizes[2] == [1, 3, 5])
        #expect(vocoder.recipe.discriminators?.periods.count == 5)
        #expect(vocoder.datasetNameList == ["audiocap_enc"])
    }

    @Test func opensATaskByItsName() throws {
        try withTemporaryFolder { temporary in
            let samples = PretrainingSamples(folder: temporary)
            let (settings, task) = try PretrainingTask.named("vae").open(
                "\(folder)/vae.yaml",
                assignments: [
                    "recipe.medium.size=16", "recipe.config.block_out_channels=[8, 16]",
                    "dataset_name_list=[mine]",
                ]
            ) { name in
                #expect(name == "mine")
                return try samples.images()
            }
            #expect(settings.epochs == 20 && settings.datasetNameList == ["mine"])
            #expect(task.name == "vae")
            #expect(task.phases[0].groups.map(\.name) == ["autoencoder"])
        }
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
        ("engine.train_micro_batch_size_per_gpu=0", "'engine.train_micro_batch_size_per_gpu' is 0"),
        ("task=unet", "'task' is 'unet', expected vae, as asked for"),
    ])
    func refusesWhatItCannotRead(_ assignment: String, _ part: String) {
        let error = #expect(throws: SettingsError.self) {
            _ = try PretrainingTask.vae.open("\(folder)/vae.yaml", assignments: [assignment]) { _ in
                Issue.record("a dataset was opened")
                throw SettingsError.missingKey(key: "", file: "")
            }
        }
        #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }

    /// Sizes of the files that MelodyMini's parts are made with: what a reader may take from them.
    @Test func theFilesDescribeSmallNetworks() throws {
        let config = try #require(read(.unet, DenoiserRecipe.self).recipe.config)
        let weights = Weights.shapesOnly()
        _ = try UNet(config, from: weights)
        let count = weights.parameters.reduce(0) { $0 + $1.value.count }
        #expect((2_000_000...4_000_000).contains(count), "\(count)")
    }
}
