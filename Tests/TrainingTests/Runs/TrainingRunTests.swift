import DataPipeline
import Foundation
import SouthGPT
import TensorCore
import TestSupport
import Testing
import Training

/// Runs of the last stage as `southgpt-train` makes them, on a tiny model and conversations of text.
@Suite struct TrainingRunTests {
    private func withRequest(
        _ body: (TrainingRequest, String) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            component: "southgpt-\(UUID().uuidString)"
        ).path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let data = "\(folder)/data/IT_data/T+X-T_data/alpaca"
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        try ModelPreset.tiny.write(to: "\(folder)/model", seed: 13)
        try FileManager.default.copyItem(
            atPath: Fixture.path("../../Configs"), toPath: "\(folder)/Configs")
        let records = (0..<8).map { index in
            """
            {"image_name": "00000000000", "output_modality": "text", "conversation": [
              {"from": "human", "value": "Name thing \(index).", "input_modality": "text"},
              {"from": "gpt", "value": "It is a thing.", "caption": "", "output_modality": "text"}]}
            """
        }
        try Data("[\(records.joined(separator: ",\n"))]".utf8)
            .write(to: URL(filePath: "\(data)/alpaca.json"))
        var request = TrainingRequest(.stage(.instructionTuning), savePath: "\(folder)/out")
        request.root = folder
        request.model = "\(folder)/model"
        request.assignments = [
            "dataset_name_list=[alpaca_instruction]", "max_steps=3", "max_length=64",
            "lora_r=4", "lora_alpha=4",
        ]
        try await body(request, folder)
    }

    @Test func trainsAStageAndWritesItsDelta() async throws {
        try await withRequest { request, folder in
            let run = try TrainingRun(request, communicator: Communicator())
            #expect(run.summary.task == "stage_3")
            #expect(run.summary.steps == 3)
            #expect(run.summary.notes.contains { $0.hasPrefix("train_batch_size is 2") })
            // Nothing is written before it starts.
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/out"))
            let watcher = Watcher()
            #expect(try await run.run(observers: [watcher]) == .completed)
            #expect(watcher.steps.count == 3)
            #expect(watcher.steps.allSatisfy { $0.loss.isFinite && $0.tokens > 0 })
            let delta = try Delta("\(folder)/out")
            #expect(delta.adapter?.rank == 4)
            #expect(try RunFolder("\(folder)/out/run/stage_3", isWriter: false).steps == [3])

            let error = #expect(throws: RunError.self) {
                try TrainingRun(request, communicator: Communicator())
            }
            #expect(
                error?.description
                    == "\(folder)/out/run/stage_3: holds a run at step 3 of 3. Go on with it by "
                    + "--resume, or remove the folder to start anew.")
            var again = request
            again.resumes = true
            let finished = try TrainingRun(again, communicator: Communicator())
            #expect(finished.summary.completed == 3)
        }
    }

    @Test func aDryRunWritesNothing() async throws {
        try await withRequest { request, folder in
            let dry = try TrainingRun(request, communicator: Communicator()).dryRun()
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/out"))
            #expect(dry.layouts.map(\.dataset) == ["alpaca_instruction"])
            #expect(dry.layouts[0].table?.contains("learnt") == true)
            #expect(dry.optimizerBytes > 0 && dry.secondsPerStep > 0)
            #expect(dry.description.contains("adapters"))
        }
    }

    @Test func aComponentFindsItsFileAndGoesOnToTheBit() async throws {
        try await withRequest { request, folder in
            var request = request
            request.subject = .component("llama")
            request.assignments = [
                "recipe.config.hidden_size=16", "recipe.config.intermediate_size=32",
                "recipe.config.num_hidden_layers=1", "recipe.config.num_attention_heads=2",
                "recipe.config.num_key_value_heads=2", "recipe.config.vocab_size=300",
            ]
            // Without a recipe a file is laid over the component's.
            let steps = "\(folder)/steps.yaml"
            try Data("max_steps: 4\ntrain_micro_batch_size_per_gpu: 2".utf8)
                .write(to: URL(filePath: steps))
            request.config = steps
            let dry = try TrainingRun(request, communicator: Communicator()).dryRun()
            #expect(!dry.description.contains("its first sample"))
            let whole = try TrainingRun(request, communicator: Communicator())
            #expect(whole.summary.steps == 4)
            #expect(try await whole.run() == .completed)

            var cut = request
            cut.savePath = "\(folder)/cut"
            let stop = StopFlag()
            let first = try await TrainingRun(cut, communicator: Communicator())
                .run(stop: stop, observers: [Watcher { if $0 == 2 { stop.raise() } }])
            #expect(first == .interrupted)
            cut.resumes = true
            // With one, it takes its place: that of the run itself has all keys.
            cut.config = "\(folder)/cut/run/llama/config.yaml"
            cut.assignments = []
            let rest = try TrainingRun(cut, communicator: Communicator())
            #expect(rest.summary.completed == 2)
            #expect(try await rest.run() == .completed)
            let weights = try [request, cut].map {
                try Data(contentsOf: URL(filePath: "\($0.savePath)/model.safetensors"))
            }
            #expect(weights[0] == weights[1])
        }
    }

    @Test func namesWhatCannotBeTrained() async throws {
        try await withRequest { request, folder in
            func refusal(_ change: (inout TrainingRequest) -> Void) -> String {
                var changed = request
                change(&changed)
                do {
                    _ = try TrainingRun(changed, communicator: Communicator())
                    return "no error"
                } catch {
                    return "\(error)"
                }
            }
            try Data().write(to: URL(filePath: "\(folder)/file"))
            #expect(
                refusal { $0.savePath = "\(folder)/file/out" }.contains(
                    "\(folder)/file/out: cannot be written to"))
            #expect(
                refusal { $0.assignments.append("train_micro_batch_size_per_gpu=9") }.contains(
                    "has 8 samples, fewer than one batch of 9"))
            #expect(
                refusal { $0.assignments.append("dataset_name_list=[cc3m_enc]") }.contains(
                    "cc3m.json: cannot be read"))
            #expect(
                refusal { $0.subject = .component("vea") }.contains(
                    "'task' is 'vea', expected llama"))
            #expect(
                refusal {
                    $0.subject = .stage(.encoderAlignment)
                }.contains("'alpaca_instruction', of type TextToText"))
        }
    }

    @Test func missingEmbeddingsAreNamedBeforeTheFirstStep() async throws {
        try await withRequest { request, folder in
            let data = "\(folder)/data/IT_data/T-T+X_data"
            try FileManager.default.createDirectory(
                atPath: data, withIntermediateDirectories: true)
            try Data(
                """
                [{"image_name": "t2x0.jpg", "output_modality": "image", "conversation": [
                  {"from": "human", "value": "Draw a bird.", "input_modality": "text"},
                  {"from": "gpt", "value": "Here.", "caption": "a bird",
                   "output_modality": "image"}]}]
                """.utf8
            ).write(to: URL(filePath: "\(data)/image_t2x.json"))
            var other = request
            other.assignments.append("dataset_name_list=[image_instruction]")
            let error = #expect(throws: StageError.self) {
                try TrainingRun(other, communicator: Communicator())
            }
            #expect(error?.description.contains("t2x0.jpg.npy") == true)
            #expect(error?.description.contains("southgpt-embed") == true)
        }
    }
}
