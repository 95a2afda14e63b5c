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

    @Test func aCheckpointThatIsBeyondItsRunIsNamed() async throws {
        try await withRequest { request, folder in
            _ = try await TrainingRun(request, communicator: Communicator()).run()
            var again = request
            again.resumes = true
            let place = "\(folder)/out/run/stage_3/step_00000003"
            let whole = try String(contentsOfFile: "\(place)/state.json", encoding: .utf8)
            for (key, value, reason) in [
                ("steps\" : 3", "steps\" : 2", "it says that its run has 2 steps"),
                ("steps\" : 3", "steps\" : 9", "steps was 9, is 3"),
                (
                    "accumulation\" : 1", "accumulation\" : 0",
                    "it says: samples of a batch 1, batches of a step 0"
                ),
            ] {
                let changed = whole.replacingOccurrences(of: key, with: value)
                #expect(changed != whole, "\(key)")
                try changed.write(
                    toFile: "\(place)/state.json", atomically: true, encoding: .utf8)
                let error = #expect(throws: RunError.self) {
                    try TrainingRun(again, communicator: Communicator())
                }
                #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
            }
        }
    }

    /// The configuration stores bfloat16: nothing of what lies beyond its eight bits is lost where a
    /// stage ends and the next begins.
    @Test func aStageEndsInItsMastersAndTheNextBeginsThere() async throws {
        try await withRequest { request, folder in
            #expect(
                try await TrainingRun(request, communicator: Communicator()).run() == .completed)
            let place = "\(folder)/out/run/stage_3/step_00000003"
            let optimizer = try Checkpoint(contentsOf: "\(place)/optimizer.safetensors")
            let config = try RunSettings(
                stage: .instructionTuning, folder: "\(folder)/Configs",
                assignments: request.assignments
            ).task
            let next = try StageTask(
                .instructionTuning, config: config, model: .folder("\(folder)/model"),
                delta: "\(folder)/out", storage: .bfloat16)
            var rounded = 0
            for parameter in next.phases[0].parameters {
                let name = "all/master.\(parameter.name)"
                let master = try #require(optimizer[name], "\(name)").tensor()
                #expect(parameter.value.floats() == master.floats(), "\(parameter.name)")
                if master.cast(to: .bfloat16).floats() != master.floats() { rounded += 1 }
            }
            #expect(rounded > 20)
            let began = try PhaseOptimizer(
                next.phases[0], OptimizerConfig(), communicator: Communicator()
            ).loadedState().filter { $0.name.hasPrefix("master.") }
            #expect(began.count == next.phases[0].parameters.count)
            for (name, value) in began {
                let master = try #require(optimizer["all/\(name)"]).tensor()
                #expect(value.floats() == master.floats(), "\(name)")
            }
            // The published file has what it had: 16 bits.
            let torch = try Checkpoint(contentsOf: "\(folder)/out/pytorch_model.pt")
            #expect(torch.tensors.allSatisfy { $0.dtype == .float16 })
        }
    }

    @Test func aRunGoesOnOnlyWithWhatItBeganWith() async throws {
        try await withRequest { request, folder in
            func stopped(_ request: TrainingRequest) async throws {
                let stop = StopFlag()
                let reason = try await TrainingRun(request, communicator: Communicator())
                    .run(stop: stop, observers: [Watcher { if $0 == 1 { stop.raise() } }])
                #expect(reason == .interrupted)
            }
            func refusal(_ request: TrainingRequest) -> String {
                do {
                    _ = try TrainingRun(request, communicator: Communicator())
                    return "no error"
                } catch {
                    return "\(error)"
                }
            }
            try await stopped(request)
            var again = request
            again.resumes = true
            // Another training in the same folder leaves another delta there.
            var other = request
            other.savePath = "\(folder)/other"
            for _ in 0..<2 {
                try? FileManager.default.removeItem(atPath: "\(folder)/other/run")
                #expect(
                    try await TrainingRun(other, communicator: Communicator()).run() == .completed)
            }
            try FileManager.default.copyItem(
                atPath: "\(folder)/other/model.safetensors",
                toPath: "\(folder)/out/model.safetensors")
            let text = refusal(again)
            #expect(
                text.hasPrefix(
                    "\(folder)/out/run/stage_3: holds another run: delta that it began with was "))
            #expect(text.hasSuffix(". Name another --save_path."))
            try FileManager.default.removeItem(atPath: "\(folder)/out/model.safetensors")

            // Another encoder of the same sizes.
            let encoder = "\(folder)/model/pretrained_ckpt/imagebind_ckpt/tiny/imagebind_tiny.pth"
            let kept = try Data(contentsOf: URL(filePath: encoder))
            let weights = try Checkpoint(contentsOf: encoder).tensors.map {
                (name: $0.name, value: try $0.tensor() * 1.01)
            }
            try PyTorchArchive.write(weights, to: encoder)
            #expect(refusal(again).contains("holds another run: encoder was "))
            try kept.write(to: URL(filePath: encoder))

            // What the run itself left at its end is no other delta.
            #expect(try await TrainingRun(again, communicator: Communicator()).run() == .completed)
            let bytes = try Data(contentsOf: URL(filePath: "\(folder)/out/model.safetensors"))
            #expect(try await TrainingRun(again, communicator: Communicator()).run() == .completed)
            let isSame =
                try Data(contentsOf: URL(filePath: "\(folder)/out/model.safetensors")) == bytes
            #expect(isSame)
        }
    }

    @Test func whatHasNoEffectIsNamedInOneNotice() async throws {
        try await withRequest { request, folder in
            // Keys of the reference's own base.yaml that nothing reads there either.
            try Data(
                """
                models: {southgpt: {model_name: SouthGPTModel, agent_name: DeepSpeedAgent}}
                gen_emb_dim: 768
                n_img_tokens: 4
                n_video_tokens: 24
                n_audio_tokens: 8
                train: {max_shard_size: 10GB}
                """.utf8
            ).write(to: URL(filePath: "\(folder)/reference.yaml"))
            var other = request
            other.config = "\(folder)/reference.yaml"
            other.unusedFlags = ["--local_rank"]
            let notes = try TrainingRun(other, communicator: Communicator()).summary.notes
                .filter { $0.contains("without effect") }
            #expect(notes.count == 1)
            #expect(notes[0].hasPrefix("without effect: zero_optimization.offload_optimizer, "))
            #expect(
                notes[0].hasSuffix(
                    "activation_checkpointing, models, gen_emb_dim, n_img_tokens, n_video_tokens, "
                        + "n_audio_tokens, max_shard_size, --local_rank."))
        }
    }

    @Test func theParametersAreReportedAtTheStart() async throws {
        try await withRequest { request, folder in
            let run = try TrainingRun(request, communicator: Communicator())
            let report = try #require(run.summary.parameters)
            #expect(
                report.groups.map(\.name)
                    == ["lora", "video", "audio", "image", "linear", "imagebind", "llama"])
            #expect(report.moving == run.summary.groups.reduce(0) { $0 + $1.parameters })
            let lines = "\(run.summary)".split(separator: "\n").map(String.init)
            #expect(lines.contains { $0.hasPrefix("parameters: \(report.count), trained: ") })
            #expect(lines.contains { $0.hasPrefix("  imagebind: ") && $0.hasSuffix("(0.00 %)") })
            let log = "\(folder)/log"
            try FileManager.default.createDirectory(
                atPath: log, withIntermediateDirectories: true)
            let observer = try RunLog(folder: log, every: 1) { Issue.record("given up: \($0)") }
            #expect(try await run.run(observers: [observer]) == .completed)
            let json = try Data(
                contentsOf: URL(filePath: "\(folder)/out/run/stage_3/run.json"))
            #expect(try JSONDecoder().decode(RunSummary.self, from: json) == run.summary)
            let name = try #require(
                try FileManager.default.contentsOfDirectory(atPath: log).first {
                    $0.hasPrefix("train_")
                })
            let text = try String(contentsOfFile: "\(log)/\(name)", encoding: .utf8)
            #expect(text.contains("parameters: \(report.count), trained: "))
            #expect(text.contains("  lora: "))
        }
    }

    @Test func aDryRunWritesNothing() async throws {
        try await withRequest { request, folder in
            let dry = try TrainingRun(request, communicator: Communicator()).dryRun()
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/out"))
            #expect(dry.layouts.map(\.dataset) == ["alpaca_instruction"])
            #expect(dry.layouts[0].table?.contains("learnt") == true)
            // Two moments and, beside bfloat16, a master; gradients are in the peak of the pass.
            let moving = dry.summary.groups.reduce(0) { $0 + $1.parameters }
            #expect(dry.optimizerBytes == moving * 12 && dry.secondsPerStep > 0)
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
                    "'alpaca_instruction', of 8 samples, expected datasets of one batch or more: 9."
                ))
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
