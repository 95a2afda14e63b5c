import DataPipeline
import Foundation
import SouthGPT
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct TrainerTests {
    /// Runs a task over the tiny data.
    @discardableResult
    private func train(
        _ task: TinyTask, _ run: TinyRun, _ plan: (RunPlan, TrainingData), in name: String = "run",
        watcher: Watcher = Watcher(), stop: StopFlag = StopFlag()
    ) async throws -> StopReason {
        try await Trainer(
            task, plan: plan.0, data: plan.1, folder: run.runFolder(name),
            communicator: Communicator(), observers: [watcher]
        ).run(stop: stop)
    }

    @Test func learnsAndReportsEveryStep() async throws {
        try await withTinyRun { run in
            let watcher = Watcher()
            let reason = try await train(TinyTask(), run, run.plan(), watcher: watcher)
            #expect(reason == .completed)
            let steps = watcher.steps
            #expect(steps.count == 20)
            #expect(steps.map(\.step) == Array(1...20))
            #expect(steps.allSatisfy { $0.samples == 4 && $0.tokens == 104 })
            #expect(steps.allSatisfy { $0.datasets == ["set0", "set1"] })
            #expect(steps[0].learningRate == 0)
            #expect(steps.allSatisfy { $0.terms["squares"] == $0.loss })
            #expect(steps.allSatisfy { abs(($0.accuracy ?? 0) - 0.8) < 1e-12 })
            #expect((steps.last?.secondsLeft ?? 1) == 0)
            let (first, last) = (steps[..<5], steps[15...])
            #expect(last.reduce(0) { $0 + $1.loss } < 0.7 * first.reduce(0) { $0 + $1.loss })
            guard case .started(let summary) = watcher.events.first else {
                Issue.record("no start")
                return
            }
            #expect(summary.groups.map(\.parameters) == [208, 8])
            #expect(summary.data.map(\.samples) == [20, 12])
            guard case .stopped(.completed, step: 20) = watcher.events.last else {
                Issue.record("no end")
                return
            }
        }
    }

    @Test(arguments: [DType.float32, .bfloat16])
    func goesOnToTheBitWhereverItWasStopped(_ dtype: DType) async throws {
        try await withTinyRun { run in
            let whole = TinyTask(dtype: dtype)
            try await train(whole, run, run.plan("evaluate_every=6"), in: "whole")
            // Stopped after 3, 4 (which has a checkpoint) and 11 steps.
            for end in [3, 4, 11, 100] {
                let stop = StopFlag()
                let watcher = Watcher { if $0 == end { stop.raise() } }
                let task = TinyTask(dtype: dtype)
                let reason = try await train(
                    task, run, run.plan("evaluate_every=6"), in: "parts", watcher: watcher,
                    stop: stop)
                #expect(reason == (end == 100 ? .completed : .interrupted))
                if end == 100 { #expect(task.bits == whole.bits) }
            }
        }
    }

    @Test func losesNothingWhenCheckpointsAreOlder() async throws {
        try await withTinyRun { run in
            let whole = TinyTask()
            try await train(whole, run, run.plan(), in: "whole")
            // As after a kill: the newest checkpoint is of step 12, the process was at 14.
            let stop = StopFlag()
            try await train(
                TinyTask(), run, run.plan(), watcher: Watcher { if $0 == 14 { stop.raise() } },
                stop: stop)
            try FileManager.default.removeItem(atPath: "\(run.folder)/run/step_00000014")
            let task = TinyTask()
            let watcher = Watcher()
            try await train(task, run, run.plan(), watcher: watcher)
            #expect(watcher.steps.map(\.step) == Array(13...20))
            #expect(task.bits == whole.bits)
        }
    }

    @Test func howABatchIsSplitChangesNothing() async throws {
        try await withTinyRun { run in
            let plans = [
                ("2", "2"), ("4", "1"), ("1", "4"),
            ].map {
                ("train_micro_batch_size_per_gpu=\($0.0)", "gradient_accumulation_steps=\($0.1)")
            }
            var losses: [[Double]] = []
            for (index, plan) in plans.enumerated() {
                let watcher = Watcher()
                let task = TinyTask("split\(index)", dropout: false)
                let planned = try run.plan(
                    plan.0, plan.1, "max_steps=4", "dataset_name_list=[set0]")
                try await train(task, run, planned, in: "\(index)", watcher: watcher)
                losses.append(watcher.steps.map(\.loss))
            }
            #expect(losses[0].count == 4)
            for other in losses.dropFirst() {
                #expect(other.count == losses[0].count)
                for (a, b) in zip(losses[0], other) { #expect(abs(a - b) <= 1e-6 * abs(a)) }
            }
        }
    }

    @Test func evaluatesKeepsTheBestAndEndsEarly() async throws {
        try await withTinyRun { run in
            let watcher = Watcher()
            let task = TinyTask()
            // A rate so high that it soon gets worse.
            let plan = try run.plan(
                "evaluate_every=2", "patience=3", "scheduler.params.warmup_max_lr=2.0",
                "save_every=0")
            let reason = try await train(task, run, plan, watcher: watcher)
            #expect(reason == .stoppedEarly(evaluations: 3))
            let evaluations = watcher.evaluations
            #expect(evaluations.allSatisfy { $0.samples == 7 })
            let best = try #require(evaluations.last { $0.isBest })
            #expect(evaluations.suffix(3).allSatisfy { !$0.isBest && $0.loss >= best.loss })
            #expect(evaluations.count < 10)
            let previews = watcher.events.filter {
                if case .preview = $0 { true } else { false }
            }
            #expect(previews.count == 2 * evaluations.count)
            #expect(watcher.messages.last?.contains("step \(best.step)") == true)
            // The weights are the best ones: they are those of its checkpoint.
            let folder = try run.runFolder()
            #expect(folder.steps.contains(best.step))
            let kept = try Checkpoint(
                contentsOf: "\(folder.path(ofStep: best.step))/parameters.safetensors")
            let stored = try #require(kept["all/hidden"])
            let hidden = try stored.tensor().withBytes { Array($0) }
            #expect(hidden == task.bits[0])
        }
    }

    @Test func stopsAtWhatIsNoNumberAndNamesTheSamples() async throws {
        try await withTinyRun { run in
            let watcher = Watcher()
            let task = TinyTask(poison: "number 9")
            let error = await #expect(throws: RunError.self) {
                try await train(task, run, run.plan(), watcher: watcher)
            }
            let list = "\(run.folder)/run/not-finite.json"
            guard case .notFinite(let step, list) = error else {
                Issue.record("\(error.map { "\($0)" } ?? "no error")")
                return
            }
            #expect(error?.description.hasPrefix("step \(step): the loss or a gradient") == true)
            let text = try String(contentsOfFile: list, encoding: .utf8)
            #expect(text.contains("\"record\" : 9"))
            #expect(task.bits.allSatisfy { !$0.isEmpty })
            guard case .stopped(.notFinite, step) = watcher.events.last else {
                Issue.record("no end")
                return
            }
        }
    }

    @Test func countsBadSamplesAndNamesThem() async throws {
        try await withTinyRun { run in
            let watcher = Watcher()
            try await train(TinyTask(), run, run.plan(), watcher: watcher)
            #expect((watcher.steps.last?.bad ?? 0) >= 1)
            let lines = try String(
                contentsOfFile: "\(run.folder)/run/quarantine.jsonl", encoding: .utf8)
            #expect(lines.contains("\"dataset\":\"set0\""))
        }
    }

    @Test func isNotTrainedFurtherThanTheLastStep() async throws {
        try await withTinyRun { run in
            let task = TinyTask()
            try await train(task, run, run.plan())
            let again = TinyTask()
            let watcher = Watcher()
            let reason = try await train(again, run, run.plan(), watcher: watcher)
            #expect(reason == .completed)
            #expect(watcher.steps.isEmpty)
            #expect(again.bits == task.bits)
        }
    }

    @Test func cancellingEndsTheRunWithACheckpoint() async throws {
        try await withTinyRun { run in
            let watcher = Watcher()
            let (plan, data) = try run.plan("save_every=0", "epochs=1000000")
            let folder = try run.runFolder()
            let work = Task {
                try await Trainer(
                    TinyTask(), plan: plan, data: data, folder: folder,
                    communicator: Communicator(), observers: [watcher]
                ).run()
            }
            while watcher.steps.count < 3 { try await Task.sleep(for: .milliseconds(2)) }
            work.cancel()
            #expect(try await work.value == .interrupted)
            #expect(folder.steps.count == 1)
            #expect(folder.steps[0] >= 3)
        }
    }

    @Test func anotherRunIsRefusedByName() async throws {
        try await withTinyRun { run in
            let first = TinyTask(identity: ["vocabulary": "a"])
            try await train(first, run, run.plan("max_steps=4"))
            func refusal(_ task: TinyTask, _ assignments: String...) async throws -> String {
                let plan =
                    try assignments.isEmpty
                    ? run.plan("max_steps=4") : run.plan("max_steps=4", assignments[0])
                let error = await #expect(throws: RunError.self) {
                    try await train(task, run, plan)
                }
                return error?.description ?? ""
            }
            let place = "\(run.folder)/run"
            #expect(
                try await refusal(TinyTask("other", identity: ["vocabulary": "a"]))
                    == "\(place): holds another run: task was tiny, is other. Name another "
                    + "--save_path.")
            #expect(
                try await refusal(TinyTask(identity: ["vocabulary": "b"])).contains(
                    "vocabulary was a, is b"))
            #expect(
                try await refusal(first, "seed=8")
                    == "\(place): the run there was started with other settings: seed was 7, is 8. "
                    + "Set them back, or start anew with another --save_path.")
        }
    }

    @Test func settingsThatChangeNothingMayChange() async throws {
        try await withTinyRun { run in
            let stop = StopFlag()
            let early = Watcher { if $0 == 2 { stop.raise() } }
            try await train(TinyTask(), run, run.plan(), watcher: early, stop: stop)
            let watcher = Watcher()
            try await train(
                TinyTask(), run, run.plan("save_every=9", "workers=1"), watcher: watcher)
            #expect(
                watcher.messages == [
                    "goes on with other settings: save_every was 4, is 9; workers was 2, is 1."
                ])
        }
    }
}
