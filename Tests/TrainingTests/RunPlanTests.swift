import DataPipeline
import ModelZoo
import TestSupport
import Testing
import Training

@Suite struct RunPlanTests {
    let folder = Fixture.path("../../Configs")

    private func plan(
        _ stage: Stage, sizes: [Int], ranks: Int = 1, globalBatch: Int? = nil,
        _ assignments: [String] = []
    ) throws -> RunPlan {
        try RunPlan(
            task: "stage_\(stage.rawValue)",
            settings: RunSettings(stage: stage, folder: folder, assignments: assignments),
            sizes: sizes, ranks: ranks, globalBatch: globalBatch)
    }

    @Test func countsBatchesAndStepsAsTheReference() throws {
        let two = try plan(.encoderAlignment, sizes: [100, 60, 30], ranks: 2)
        #expect(two.batchSize == 2)
        #expect(two.batchesPerEpoch == 150)
        #expect(two.steps == 150)
        #expect(two.learningRate.warmupSteps == 15)
        #expect(!two.notes.contains { $0.hasPrefix("train_batch_size") })
    }

    @Test func saysThatOneProcessCannotTrainWithABatchOfTwo() throws {
        let one = try plan(.encoderAlignment, sizes: [100, 60, 30])
        #expect(one.batchSize == 1)
        #expect(one.steps == 300)
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

    @Test func namesWhatHasNoEffectOnce() throws {
        let notes = try plan(.encoderAlignment, sizes: [9, 9, 9]).notes
        let named = notes.filter { $0.hasPrefix("without effect") }
        #expect(named.count == 1)
        for key in [
            "offload_optimizer", "fp16.opt_level", "total_num_steps", "activation_checkpointing",
        ] {
            #expect(named[0].contains(key))
        }
    }

    @Test func accumulatesOverBatchesAndEndsWhereItIsTold() throws {
        let plan = try plan(
            .encoderAlignment, sizes: [100, 60, 30],
            ["gradient_accumulation_steps=4", "train_micro_batch_size_per_gpu=2", "epochs=3"])
        #expect(plan.batchSize == 8)
        #expect(plan.batchesPerEpoch == 150)
        #expect(plan.steps == 112)
        let short = try self.plan(.encoderAlignment, sizes: [100, 60, 30], ["max_steps=7"])
        #expect(short.steps == 7)
        #expect(short.learningRate.totalSteps == 7)
    }

    @Test func goesOnWithItsBatchesAtOtherRanks() throws {
        let plan = try plan(.encoderAlignment, sizes: [100, 60, 30], ranks: 1, globalBatch: 4)
        #expect(plan.globalBatch == 4)
        #expect(plan.microBatch == 1)
        #expect(
            plan.notes.first
                == "the run began with batches of 4 samples and goes on with them, spread over 1 "
                + "ranks.")
    }

    @Test func refusesMoreAccumulationThanThereAreBatches() {
        let error = #expect(throws: SettingsError.self) {
            try plan(.encoderAlignment, sizes: [2, 2, 2], ["gradient_accumulation_steps=100"])
        }
        #expect(
            error?.description
                == "the settings: 'gradient_accumulation_steps' is 100, expected at most 6, the "
                + "batches of all epochs. Lower it, or raise epochs.")
    }

    @Test func weighsVideoTwiceInTheLastStage() {
        #expect(Stage.instructionTuning.alignmentWeight(.video) == 2)
        #expect(Stage.decoderAlignment.alignmentWeight(.video) == 1)
        #expect(Stage.encoderAlignment.alignmentWeight(.image) == 0)
        #expect(Stage.instructionTuning.alignmentWeight(nil) == 0)
    }
}
