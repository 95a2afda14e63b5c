import DataPipeline
import Foundation
import TestSupport
import Testing
import Training

@Suite struct TrainingConfigTests {
    let folder = Fixture.path("../../Configs")

    @Test func readsThePublishedStages() throws {
        let stages = try Stage.allCases.map { try TrainingConfig(folder: folder, stage: $0) }
        #expect(stages.map(\.freezeLm) == [true, true, false])
        #expect(stages.map(\.freezeInputProj) == [false, true, false])
        #expect(stages.map(\.freezeOutputProj) == [true, false, false])
        #expect(stages.map(\.prompt) == ["generate a caption", nil, nil])
        #expect(stages[2].loraR == 32)
        #expect(stages[2].loraDropout == 0.1)
        #expect(stages[1].datasetNameList == ["cc3m_dec", "webvid_dec", "audiocap_dec"])
        for stage in stages {
            #expect(stage.seed == 13)
            #expect(stage.maxLength == 512)
            #expect(stage.warmupRate == 0.1)
            #expect(stage.numGenVideoTokens == 24)
            #expect(stage.textEmbToImgLayers == [-1])
            #expect(stage.textFcToAudioMode == .transformer)
            #expect(stage.audioDiffusion == "cvssp/audioldm-l-full")
            #expect(stage.unusedKeys == [])
        }
    }

    @Test func theCommandLineWinsOverFiles() throws {
        let config = try TrainingConfig(
            folder: folder, stage: .encoderAlignment,
            assignments: ["max_length=64", "dataset_name_list=[cc3m_enc]"])
        #expect(config.maxLength == 64)
        #expect(config.datasetNameList == ["cc3m_enc"])
    }

    @Test func aUsersFileWinsOverTheStagesAndItsKeysAreChecked() throws {
        try withTemporaryFolder { temporary in
            let file = "\(temporary)/mine.yaml"
            try Data("train: {epochs: 3}\ngen_emb_dim: 768\n".utf8).write(to: URL(filePath: file))
            let config = try TrainingConfig(folder: folder, stage: .instructionTuning, extra: file)
            #expect(config.epochs == 3)
            #expect(config.unusedKeys == ["gen_emb_dim"])

            try Data("train: {epoch: 3}\n".utf8).write(to: URL(filePath: file))
            let error = #expect(throws: SettingsError.self) {
                try TrainingConfig(folder: folder, stage: .instructionTuning, extra: file)
            }
            #expect(error?.description == "\(file): unknown key 'epoch'; did you mean 'epochs'?")
        }
    }

    @Test(arguments: [
        ("epochs=0", "'epochs' is 0"), ("warmup_rate=2", "'warmup_rate' is 2.0"),
        ("dataset_name_list=[]", "at least one name"),
        ("freeze_lm=false", "'lora_r' is 0, expected more than 0"),
        ("text_fc_to_img_mode=conv", "'text_fc_to_img_mode' is 'conv'"),
    ])
    func refusesValuesOutOfRange(_ assignment: String, _ part: String) {
        let error = #expect(throws: SettingsError.self) {
            try TrainingConfig(
                folder: folder, stage: .encoderAlignment, assignments: [assignment])
        }
        #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }

    @Test func readsThePublishedEngineFiles() throws {
        let engines = try Stage.allCases.map {
            try EngineConfig(folder: "\(folder)/dsconfig", stage: $0)
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
}
