import DataPipeline
import ModelZoo
import TestSupport
import Testing
import Training

@Suite struct RunPlanTests {
    let folder = Fixture.path("../../Configs")

    private func plan(
        _ stage: Stage, sizes: [Int], ranks: Int = 1, _ assignments: [String] = []
    ) throws -> RunPlan {
        try RunPlan(
            stage: stage,
            config: TrainingConfig(folder: folder, stage: stage, assignments: assignments),
            engine: EngineConfig(folder: "\(folder)/dsconfig", stage: stage),
            catalog: Catalog(contentsOf: "\(folder)/catalog.yaml"), sizes: sizes, ranks: ranks)
    }

    @Test func countsBatchesAndStepsAsTheReference() throws {
        let two = try plan(.encoderAlignment, sizes: [100, 60, 30], ranks: 2)
        #expect(two.batchSize == 2)
        #expect(two.batchesPerEpoch == 150)
        #expect(two.totalSteps == 150)
        #expect(two.schedule.warmupSteps == 15)
        #expect(!two.notes.contains { $0.hasPrefix("train_batch_size") })
    }

    @Test func saysThatOneProcessCannotTrainWithABatchOfTwo() throws {
        let one = try plan(.encoderAlignment, sizes: [100, 60, 30])
        #expect(one.batchSize == 1)
        #expect(one.totalSteps == 300)
        #expect(
            one.notes.first
                == "train_batch_size is 2, but 1 (micro) × 1 (accumulation) × 1 (ranks) = 1: "
                + "training with 1.")
    }

    @Test func saysThatTheScheduleReplacesTheRate() throws {
        let notes = try plan(.decoderAlignment, sizes: [9, 9, 9]).notes
        #expect(notes.contains { $0.hasPrefix("optimizer.params.lr 0.0004 is replaced") })
        let last = try plan(.instructionTuning, sizes: [9, 9, 9, 9, 9]).notes
        #expect(!last.contains { $0.hasPrefix("optimizer.params.lr") })
    }

    @Test func refusesADatasetThatTheStageCannotUse() {
        let error = #expect(throws: SettingsError.self) {
            try plan(.encoderAlignment, sizes: [9], ["dataset_name_list=[cc3m_dec]"])
        }
        #expect(error?.description.contains("'cc3m_dec', of type TextToImage") == true)
    }

    @Test func trainsVideoChatInTheLastStage() throws {
        let plan = try plan(
            .instructionTuning, sizes: [9], ["dataset_name_list=[videochat_instruction]"])
        #expect(plan.datasets.map(\.type) == [.videoToText])
    }

    @Test func weighsVideoTwiceInTheLastStage() {
        #expect(Stage.instructionTuning.alignmentWeight(.video) == 2)
        #expect(Stage.decoderAlignment.alignmentWeight(.video) == 1)
        #expect(Stage.encoderAlignment.alignmentWeight(.image) == 0)
        #expect(Stage.instructionTuning.alignmentWeight(nil) == 0)
    }
}
