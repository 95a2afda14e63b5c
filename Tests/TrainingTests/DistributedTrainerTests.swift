import DataPipeline
import Foundation
import SouthGPT
import TensorCore
import TestSupport
import Testing
import Training

/// Trainers on several ranks, as threads of one process, beside one that trains alone.
@Suite struct DistributedTrainerTests {
    /// What came of one rank.
    struct Outcome: Sendable {
        let task: TinyTask
        let reason: StopReason?
        let error: (any Error)?
    }

    /// Trains on some ranks, each with a task of its own.
    ///
    /// - Parameters:
    ///   - globalBatch: of the run that goes on
    ///   - folders: of each rank; the others' are `run` too where nil
    private func train(
        _ run: TinyRun, ranks: Int, _ settings: [String] = [], globalBatch: Int? = nil,
        in name: String = "run", others: String? = nil, stopAt: Int? = nil,
        watcher: Watcher? = nil, _ task: @Sendable () -> TinyTask = { TinyTask() }
    ) async throws -> [Outcome] {
        let (plan, data) = try run.plan(settings, ranks: ranks, globalBatch: globalBatch)
        let stop = StopFlag()
        let observer = watcher ?? Watcher { if $0 == stopAt { stop.raise() } }
        let folder = try run.runFolder(name)
        return try await withThrowingTaskGroup(of: (Int, Outcome).self) { group in
            for transport in InProcessTransport.ranks(ranks) {
                let task = task()
                let place =
                    transport.rank == 0
                    ? folder : try RunFolder("\(run.folder)/\(others ?? name)", isWriter: false)
                group.addTask {
                    do {
                        let reason = try await Trainer(
                            task, plan: plan, data: data, folder: place,
                            communicator: Communicator(transport), observers: [observer]
                        ).run(stop: transport.rank == 0 ? stop : StopFlag())
                        return (
                            transport.rank, Outcome(task: task, reason: reason, error: nil)
                        )
                    } catch {
                        return (transport.rank, Outcome(task: task, reason: nil, error: error))
                    }
                }
            }
            return try await group.reduce(into: [Int: Outcome]()) { $0[$1.0] = $1.1 }
                .sorted { $0.key < $1.key }.map(\.value)
        }
    }

    private let batchesOfFour = [
        "train_micro_batch_size_per_gpu=4", "gradient_accumulation_steps=1", "epochs=3",
        "evaluate_every=6",
    ]

    /// The dropout of a sample is its own wherever it is computed.
    @Test(arguments: [0, 2]) func goesOnAtOtherNumbersOfRanks(_ stage: Int) async throws {
        try await withTinyRun { run in
            let settings = batchesOfFour + ["zero_optimization.stage=\(stage)"]
            let alone = Watcher()
            let whole = try await train(run, ranks: 1, settings, in: "whole", watcher: alone)[0]
            #expect(whole.reason == .completed)
            let parts: [(ranks: Int, end: Int?)] = [(1, 5), (2, 9), (3, 14), (1, nil)]
            for (ranks, end) in parts {
                let outcomes = try await train(
                    run, ranks: ranks, settings, globalBatch: 4, stopAt: end)
                #expect(
                    outcomes.allSatisfy {
                        $0.reason == (end == nil ? .completed : .interrupted)
                    })
                for other in outcomes { #expect(other.task.values == outcomes[0].task.values) }
                guard end == nil else { continue }
                let largest = whole.task.values.map(abs).max() ?? 0
                let differences = zip(whole.task.values, outcomes[0].task.values).map {
                    abs($0 - $1)
                }
                #expect((differences.max() ?? 1) <= 1e-5 * largest)
            }
        }
    }

    /// A step on several ranks reports what it reports on one.
    @Test func reportsAndEvaluatesAllOfIt() async throws {
        try await withTinyRun { run in
            let (one, three) = (Watcher(), Watcher())
            _ = try await train(run, ranks: 1, batchesOfFour, in: "one", watcher: one)
            _ = try await train(
                run, ranks: 3, batchesOfFour, globalBatch: 4, in: "three", watcher: three)
            #expect(one.steps.count == three.steps.count && one.evaluations.count > 1)
            for (a, b) in zip(one.steps, three.steps) {
                #expect(a.samples == b.samples && a.tokens == b.tokens)
                #expect(abs(a.loss - b.loss) <= 1e-5 * abs(a.loss))
            }
            for (a, b) in zip(one.evaluations, three.evaluations) {
                #expect(a.samples == b.samples && a.isBest == b.isBest)
                #expect(abs(a.loss - b.loss) <= 1e-5 * abs(a.loss))
            }
        }
    }

    @Test func whatIsNoNumberIsNamedBeforeAnyRankEndsAndMovesNothing() async throws {
        try await withTinyRun { run in
            let outcomes = try await train(
                run, ranks: 2, ["save_every=1", "keep_last=100"]
            ) { TinyTask(poison: "number 9") }
            let list = "\(run.folder)/run/not-finite.json"
            for outcome in outcomes {
                guard case .notFinite(let step, list) = outcome.error as? RunError else {
                    Issue.record("\(outcome)")
                    continue
                }
                let text = try String(contentsOfFile: list, encoding: .utf8)
                #expect(text.contains("\"record\" : 9") && text.hasSuffix("}\n"))
                let folder = try run.runFolder("run")
                #expect(folder.steps.last == step && step > 0)
                let kept = try Checkpoint(
                    contentsOf: "\(folder.path(ofStep: step))/parameters.safetensors")
                let stored = try #require(kept["all/hidden"])
                let hidden = try stored.tensor().floats()
                #expect(Array(outcome.task.values.prefix(hidden.count)) == hidden)
            }
        }
    }

    @Test func oneRankWritesTheQuarantineOfAll() async throws {
        try await withTinyRun { run in
            func lines(_ name: String) throws -> [String] {
                try String(
                    contentsOfFile: "\(run.folder)/\(name)/quarantine.jsonl", encoding: .utf8
                ).split(separator: "\n").map(String.init)
            }
            let settings = batchesOfFour + ["max_bad=9"]
            let task: @Sendable () -> TinyTask = { TinyTask(broken: "rain") }
            _ = try await train(run, ranks: 1, settings, in: "one", task)
            // The others' folder is not there, and is not made.
            let watcher = Watcher()
            let outcomes = try await train(
                run, ranks: 2, settings, globalBatch: 4, in: "two", others: "elsewhere",
                watcher: watcher, task)
            #expect(outcomes.allSatisfy { $0.reason == .completed })
            let (one, two) = (try lines("one"), try lines("two"))
            #expect(two.sorted() == one.sorted() && one.count == 6)
            #expect(!FileManager.default.fileExists(atPath: "\(run.folder)/elsewhere"))

            // Neither rank meets more than the limit by itself.
            let few = try await train(
                run, ranks: 2, batchesOfFour + ["max_bad=5"], globalBatch: 4, in: "few", task)
            let list = "\(run.folder)/few/quarantine.jsonl"
            let error = DatasetError.tooManyBad(count: 6, limit: 5, list: list)
            #expect(few[0].error as? DatasetError == error)
            #expect(
                few[1].error as? CommunicatorError == .rankZeroFailed(reason: error.description))
            #expect(few[1].error.map { "\($0)" } == "rank 0 could not go on: \(error)")
            #expect(try lines("few").count == 6)
        }
    }

    @Test func aCheckpointThatCannotBeWrittenEndsAllRanks() async throws {
        try await withTinyRun { run in
            let path = "\(run.folder)/run"
            let watcher = Watcher { step in
                guard step == 3 else { return }
                try? FileManager.default.removeItem(atPath: path)
                try? Data().write(to: URL(filePath: path))
            }
            let outcomes = try await train(
                run, ranks: 3, ["zero_optimization.stage=2"], watcher: watcher)
            #expect((outcomes[0].error as? RunError)?.description.hasPrefix(path) == true)
            for other in outcomes.dropFirst() {
                let text = other.error.map { "\($0)" } ?? "no error"
                #expect(text.hasPrefix("rank 0 could not go on: \(path)"))
            }
        }
    }

    /// Wrong answers are those of the micro-batch: runs keep theirs.
    @Test func contrastsKeepTheirMicroBatches() async throws {
        try await withTinyRun { run in
            let task: @Sendable () -> TinyTask = { TinyTask(contrasts: true) }
            func end(
                ranks: Int, micro: Int, in name: String, stopAt: Int? = nil, globalBatch: Int? = 4
            ) async throws -> [String] {
                try await train(
                    run, ranks: ranks,
                    [
                        "train_micro_batch_size_per_gpu=\(micro)",
                        "gradient_accumulation_steps=1",
                    ], globalBatch: globalBatch, in: name, stopAt: stopAt, task
                ).map { $0.error.map { "\($0)" } ?? "" }
            }
            func changed(_ name: String, _ what: String) -> String {
                "\(run.folder)/\(name): the run there was started with other settings: \(what). "
                    + "Set them back, or start anew with another --save_path."
            }
            let began = try await end(
                ranks: 2, micro: 2, in: "two", stopAt: 2, globalBatch: nil)
            #expect(began == ["", ""])
            // One rank computes the micro-batches of both.
            let alone = try await end(ranks: 1, micro: 2, in: "two", stopAt: 4)
            #expect(alone == [""])
            let wider = try await end(ranks: 1, micro: 4, in: "two")
            #expect(wider == [changed("two", "train_micro_batch_size_per_gpu was 2, is 4")])
            let more = try await end(ranks: 3, micro: 2, in: "two")
            let refusal = changed("two", "ranks was 2, is 3")
            #expect(more == Array(repeating: refusal, count: 3))
        }
    }
}
