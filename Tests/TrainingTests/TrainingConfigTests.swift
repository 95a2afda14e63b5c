import DataPipeline
import Foundation
import TestSupport
import Testing
import Training

@Suite struct TrainingConfigTests {
    let folder = Fixture.path("../../Configs")

    @Test func readsThePublishedStages() throws {
        let stages = try Stage.allCases.map { try RunSettings(stage: $0, folder: folder).task }
        #expect(stages.map(\.freezeLm) == [true, true, false])
        #expect(stages.map(\.freezeInputProj) == [false, true, false])
        #expect(stages.map(\.freezeOutputProj) == [true, false, false])
        #expect(stages.map(\.prompt) == ["generate a caption", nil, nil])
        #expect(stages[2].loraR == 32)
        #expect(stages[2].loraDropout == 0.1)
        let runs = try Stage.allCases.map { try RunSettings(stage: $0, folder: folder).run }
        #expect(runs[1].datasetNameList == ["cc3m_dec", "webvid_dec", "audiocap_dec"])
        #expect(runs.allSatisfy { $0.seed == 13 && $0.warmupRate == 0.1 && $0.epochs == 1 })
        for stage in stages {
            #expect(stage.maxLength == 512)
            #expect(stage.numGenVideoTokens == 24)
            #expect(stage.textEmbToImgLayers == [-1])
            #expect(stage.textFcToAudioMode == .transformer)
            #expect(stage.textFcWidth == 512)
            #expect(stage.textFcLayers == 4)
            #expect(stage.textFcFeedForward == 2048)
            #expect(stage.audioDiffusion == "cvssp/audioldm-l-full")
            #expect(stage.unusedKeys == [])
        }
    }

    @Test func theCommandLineWinsOverFiles() throws {
        let settings = try RunSettings(
            stage: .encoderAlignment, folder: folder,
            assignments: [
                "max_length=64", "dataset_name_list=[cc3m_enc]", "optimizer.params.eps=1e-6",
            ])
        #expect(settings.task.maxLength == 64)
        #expect(settings.run.datasetNameList == ["cc3m_enc"])
        #expect(settings.engine.optimizer.params.eps == 1e-6)
        #expect(settings.engine.optimizer.params.betas == [0.9, 0.95])
        #expect(settings.values["optimizer.params.eps"] == "1e-6")
    }

    @Test func aUsersFileWinsOverTheStagesAndItsKeysAreChecked() throws {
        try withTemporaryFolder { temporary in
            let file = "\(temporary)/mine.yaml"
            try Data("train: {epochs: 3}\ngen_emb_dim: 768\n".utf8).write(to: URL(filePath: file))
            let settings = try RunSettings(
                stage: .instructionTuning, folder: folder, extra: file)
            #expect(settings.run.epochs == 3)
            #expect(settings.task.unusedKeys == ["gen_emb_dim"])

            try Data("train: {epoch: 3}\n".utf8).write(to: URL(filePath: file))
            let error = #expect(throws: SettingsError.self) {
                try RunSettings(stage: .instructionTuning, folder: folder, extra: file)
            }
            #expect(
                error?.description == "\(file): unknown key 'epoch'; did you mean 'epochs'?")
        }
    }

    @Test(arguments: [
        ("epochs=0", "'epochs' is 0"), ("warmup_rate=2", "'warmup_rate' is 2.0"),
        ("dataset_name_list=[]", "at least one name"),
        ("freeze_lm=false", "'lora_r' is 0, expected more than 0"),
        ("text_fc_to_img_mode=conv", "'text_fc_to_img_mode' is 'conv'"),
        ("preview_steps=51", "'preview_steps' is 51, expected 0 to 50"),
        ("held_out=1", "'held_out' is 1.0"), ("patience=2", "because evaluate_every is 0"),
        ("gradient_accumulation_steps=0", "'gradient_accumulation_steps' is 0"),
        ("zero_optimization.stage=3", "'zero_optimization.stage' is 3, expected 0, 1 or 2"),
        ("optimizer.type=SGD", "'optimizer.type' is SGD, expected Adam or AdamW"),
        ("scheduler.type=OneCycle", "'scheduler.type' is 'OneCycle'"),
    ])
    func refusesValuesOutOfRange(_ assignment: String, _ part: String) {
        let error = #expect(throws: SettingsError.self) {
            try RunSettings(
                stage: .encoderAlignment, folder: folder, assignments: [assignment])
        }
        #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }

    @Test func readsThePublishedEngineFiles() throws {
        let engines = try Stage.allCases.map {
            try RunSettings(stage: $0, folder: folder).engine
        }
        #expect(engines.map(\.optimizer.params.lr) == [4e-4, 4e-4, 5e-4])
        for engine in engines {
            #expect(engine.trainBatchSize == 2)
            #expect(engine.gradientClipping == 1)
            #expect(engine.zeroOptimization?.offloadOptimizer?.device == "cpu")
            #expect(engine.optimizer.params.betas == [0.9, 0.95])
            #expect(engine.optimizer.params.eps == 1e-8)
            #expect(engine.optimizer.params.weightDecay == 0.001)
            #expect(engine.scheduler.params.warmupMaxLr == 5e-4)
        }
    }

    @Test func readsEveryWayDownAndScale() throws {
        func engine(_ assignments: String...) throws -> EngineConfig {
            try RunSettings(stage: .encoderAlignment, folder: folder, assignments: assignments)
                .engine
        }
        let published = try engine()
        #expect(published.storesBrainFloat)
        #expect(published.optimizerConfig.lossScale == .fixed(64))
        #expect(published.optimizerConfig.partitionsState)
        #expect(published.optimizerConfig.beta2 == 0.95)
        let rate = published.learningRate(steps: 10_000, warmupSteps: 1000)
        #expect(abs(rate(100) - 3.340536e-4) < 1e-9)
        var dynamic = LossScale.Dynamic()
        (dynamic.initial, dynamic.window, dynamic.minimum) = (65536, 1000, 1)
        #expect(try engine("fp16.loss_scale=0").optimizerConfig.lossScale == .dynamic(dynamic))
        let plain = try engine("fp16.enabled=false", "bf16.enable=false")
        #expect(!plain.storesBrainFloat)
        #expect(plain.optimizerConfig.lossScale == .none)
        let cosine = try engine(
            "scheduler.type=WarmupCosineLR", "scheduler.params.cos_min_ratio=0.1",
            "scheduler.params.warmup_type=linear")
        #expect(abs(cosine.learningRate(steps: 100, warmupSteps: 10)(100) - 5e-5) < 1e-12)
        let constant = try engine("scheduler.type=WarmupLR")
        #expect(constant.learningRate(steps: 100, warmupSteps: 10)(99) == 5e-4)
    }

    @Test func namesTheNearestKeyInJSONAndYAMLAlike() throws {
        try withTemporaryFolder { temporary in
            let texts = [
                ("a.json", "{\"optimizer\": {\"params\": {\"weight_decy\": 0.1}}}"),
                ("a.yaml", "optimizer: {params: {weight_decy: 0.1}}"),
            ]
            for (name, text) in texts {
                let file = "\(temporary)/\(name)"
                try Data(text.utf8).write(to: URL(filePath: file))
                let error = #expect(throws: SettingsError.self) {
                    try RunSettings(stage: .encoderAlignment, folder: folder, extra: file)
                }
                #expect(
                    error?.description
                        == "\(file): unknown key 'optimizer.params.weight_decy'; did you mean "
                        + "'optimizer.params.weight_decay'?")
            }
        }
    }
}
