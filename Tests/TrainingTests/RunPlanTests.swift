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
        func named(_ assignments: String...) throws -> [String] {
            try plan(.encoderAlignment, sizes: [9, 9, 9], assignments).notes
                .filter { $0.contains("without effect") }
        }
        let first = """
            without effect: zero_optimization.offload_optimizer, \
            zero_optimization.contiguous_gradients, zero_optimization.allgather_bucket_size, \
            zero_optimization.allgather_partitions, fp16.opt_level,\u{20}
            """
        let last = """
            scheduler.params.warmup_num_steps, scheduler.params.total_num_steps, \
            activation_checkpointing.
            """
        let scale = """
            fp16.loss_scale_window, fp16.initial_scale_power, fp16.hysteresis, \
            fp16.min_loss_scale,\u{20}
            """
        #expect(try named() == [first + scale + last])
        // They find the scale where none is given.
        #expect(try named("fp16.loss_scale=0") == [first + last])
        #expect(try named("fp16.enabled=false") == [first + "fp16.loss_scale, " + scale + last])
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
