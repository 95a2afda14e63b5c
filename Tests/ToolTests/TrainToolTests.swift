import Foundation
import SouthGPT
import TensorCore
import TestSupport
import Testing

/// `southgpt-train` as the README's users run it.
@Suite struct TrainToolTests {
    private func withRepository(_ body: (TinyRepository) throws -> Void) throws {
        try withTemporaryFolder { try body(TinyRepository(in: $0)) }
    }

    private func error(_ outcome: BuiltTool.Outcome) -> String {
        outcome.errors.split(separator: "\n").last.map(String.init) ?? ""
    }

    @Test(arguments: [[1, 2, 3], [1, 3, 2]])
    func threeStagesLeaveOneDeltaInAnyOrder(_ order: [Int]) throws {
        try withRepository { repository in
            var kept: [String: [Float]] = [:]
            for stage in order {
                let outcome = try repository.train([
                    "--stage", "\(stage)", "--save_path", "out", "--set", "max_steps=3",
                ]).outcome()
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(outcome.output.hasPrefix("stage_\(stage): all steps are done after 3 of 3"))
                // What a stage does not move is there as the one before left it.
                let delta = try Checkpoint(
                    contentsOf: "\(repository.folder)/out/model.safetensors")
                let moved = [1: ["llama_proj"], 2: ["gen_text"], 3: [""]][stage] ?? []
                for (name, values) in kept
                where !name.contains("embed_tokens") && !name.contains("lm_head")
                    && !moved.contains(where: name.hasPrefix)
                {
                    let now = try #require(delta[name], "stage \(stage): \(name)").tensor()
                    #expect(now.floats() == values, "stage \(stage): \(name)")
                }
                kept = Dictionary(
                    uniqueKeysWithValues: try delta.tensors.map {
                        ($0.name, try $0.tensor().floats())
                    })
            }
            #expect(kept.keys.contains { $0.contains(".lora_B.default.weight") })
            #expect(
                repository.names("out").filter { $0.hasPrefix("stage_") }
                    == ["stage_1", "stage_2", "stage_3"])
            #expect(repository.names("out/run") == ["stage_1", "stage_2", "stage_3"])
            let notes = try Delta("\(repository.folder)/out").notes
            #expect(notes.stage == order[2])
        }
    }

    @Test func theReadmesLauncherLineWorksAsItIsPrinted() throws {
        try withRepository { repository in
            try FileManager.default.createDirectory(
                atPath: "\(repository.folder)/Scripts", withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                atPath: Fixture.path("../../Scripts/train.sh"),
                toPath: "\(repository.folder)/Scripts/train.sh")
            let outcome = try BuiltTool(
                bash: "bash Scripts/train.sh \"$@\"", in: repository.folder,
                ["1"] + TinyRepository.settings + ["--set", "max_steps=2"]
            ).outcome()
            #expect(outcome.status == 0, "\(outcome.errors)")
            let delta = "ckpt/delta_ckpt/southgpt/7b_tiva_v0"
            for name in [
                "pytorch_model.pt", "model.safetensors", "tokenizer.model", "config.json",
                "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json",
                "log/log.jsonl",
            ] {
                #expect(repository.exists("\(delta)/\(name)"), "\(name)")
            }
            let log = repository.names("\(delta)/log")
            #expect(log.contains { $0.hasPrefix("events.out.tfevents.") })
            #expect(log.contains { $0.hasPrefix("train_") && $0.hasSuffix(".log") })
            #expect(outcome.errors.contains("--master_addr, --master_port.\n"))
        }
    }

    @Test func backslashesThatStickToArgumentsAreTakenOff() throws {
        try withRepository { repository in
            let outcome = try repository.train([
                "--include", "localhost:0\\", "--stage", "1\\", "--save_path", "out/ \\", "\\",
                "--log_path", "out/log/\\", "--dry-run", "--json",
            ]).outcome()
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("\"task\" : \"stage_1\""))
        }
    }

    @Test func severalDevicesAreExplained() throws {
        try withRepository { repository in
            let outcome = try BuiltTool(
                "southgpt-train", in: repository.folder,
                ["--include", "localhost:0,1", "--stage", "1", "--save_path", "my out"]
            ).outcome()
            #expect(outcome.status == 1)
            #expect(
                error(outcome).hasPrefix(
                    "error: --include asks for 2 processes, and there is 1. Start them with: "
                        + "mpirun -n 2 /"))
            #expect(
                error(outcome).contains(
                    "/southgpt-train --include localhost:0,1 --stage 1 --save_path 'my out'"))
            #expect(!repository.exists("my out"))
            let hosts = try BuiltTool(
                "southgpt-train", in: repository.folder,
                ["--include", "one:0,1@two:3", "--stage", "1"]
            ).outcome()
            #expect(error(hosts).contains("mpirun -n 3 --host one:2,two:1 /"))
            let wrong = try BuiltTool(
                "southgpt-train", in: repository.folder, ["--include", "one:x", "--stage", "1"]
            ).outcome()
            #expect(wrong.status == 64)
            #expect(wrong.errors.contains("--include is 'one:x', expected host:ids"))
        }
    }

    @Test(arguments: [1, 2, 3])
    func aDryRunTouchesNothing(_ stage: Int) throws {
        try withRepository { repository in
            /// Every path, with the time of its last change.
            func everything() throws -> [String: Date] {
                let files = FileManager.default
                let paths = try files.subpathsOfDirectory(atPath: repository.folder) + [""]
                return try Dictionary(
                    uniqueKeysWithValues: paths.map { path in
                        let attributes = try files.attributesOfItem(
                            atPath: "\(repository.folder)/\(path)")
                        return (path, attributes[.modificationDate] as? Date ?? .distantPast)
                    })
            }
            let before = try everything()
            let outcome = try repository.train([
                "--stage", "\(stage)", "--save_path", "new/out", "--log_path", "new/log",
                "--dry-run",
            ]).outcome()
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output.hasSuffix("Nothing was written.\n"))
            #expect(outcome.output.contains("its first sample:"))
            #expect(try everything() == before)
        }
    }

    /// Starts a run and raises a signal once it has taken a step.
    private func interrupt(
        _ repository: TinyRepository, _ arguments: [String], log: String, by signal: Int32
    ) throws -> Int32 {
        let tool = repository.train(arguments + ["--log_path", log])
        (tool.process.standardOutput, tool.process.standardError) = (
            FileHandle.nullDevice, FileHandle.nullDevice
        )
        try tool.process.run()
        func steps() -> Int {
            let text = try? String(
                contentsOfFile: "\(repository.folder)/\(log)/log.jsonl", encoding: .utf8)
            return text?.split(separator: "\"event\":\"step\"").count ?? 0
        }
        while tool.process.isRunning, steps() < 3 { usleep(500) }
        kill(tool.process.processIdentifier, signal)
        tool.process.waitUntilExit()
        return tool.process.terminationStatus
    }

    private static let results = ["pytorch_model.pt", "model.safetensors"]

    @Test func goesOnToTheSameBytesAfterEachSignal() throws {
        try withRepository { repository in
            let long = ["--set", "epochs=30"]
            #expect(try repository.train(repository.talk("whole") + long).outcome().status == 0)
            let cut = repository.talk("cut", "--resume") + long
            #expect(try interrupt(repository, cut, log: "first", by: SIGTERM) == 130)
            #expect(repository.names("cut/run/stage_3").count { $0.hasPrefix("step_") } == 1)
            #expect(!repository.exists("cut/model.safetensors"))
            #expect(try interrupt(repository, cut, log: "second", by: SIGINT) == 130)
            let rest = try repository.train(cut).outcome()
            #expect(rest.status == 0, "\(rest.errors)")
            #expect(rest.errors.contains("goes on after step "))
            for name in TrainToolTests.results {
                let isSame =
                    try repository.bytes("whole/\(name)") == repository.bytes("cut/\(name)")
                #expect(isSame, "\(name)")
            }
        }
    }

    @Test func aFullDiskLeavesTheLastCheckpointWhole() throws {
        try withRepository { repository in
            let long = ["--set", "epochs=30"]
            #expect(try repository.train(repository.talk("whole") + long).outcome().status == 0)
            let cut = repository.talk("cut", "--resume") + long
            #expect(try interrupt(repository, cut, log: "log", by: SIGTERM) == 130)
            let run = "cut/run/stage_3"
            let old = try #require(repository.names(run).first { $0.hasPrefix("step_") })
            let files = repository.names("\(run)/\(old)")
            #expect(files == ["optimizer.safetensors", "parameters.safetensors", "state.json"])
            let bytes = try files.map { try repository.bytes("\(run)/\(old)/\($0)") }

            // As on a full disk, a write fails in the middle of a file, and no signal ends the tool.
            let full = try BuiltTool(
                bash: """
                    trap '' XFSZ
                    ulimit -f 100
                    exec "$SOUTHGPT_TOOLS/southgpt-train" "$@"
                    """, in: repository.folder,
                ["--model", "southgpt"] + TinyRepository.settings + cut + ["--set", "save_every=1"]
            ).outcome()
            #expect(full.status == 1)
            let step = (Int(old.split(separator: "_")[1]) ?? 0) + 1
            #expect(
                error(full)
                    == "error: \(run)/.draft-\(step)/optimizer.safetensors: cannot be written: "
                    + "File too large. Is there room, and may you write there?")
            #expect(
                repository.names(run).filter { $0.contains("step") || $0.contains("draft") } == [
                    old
                ])
            for (name, before) in zip(files, bytes) {
                let isSame = try repository.bytes("\(run)/\(old)/\(name)") == before
                #expect(isSame, "\(name)")
            }
            let rest = try repository.train(cut).outcome()
            #expect(rest.status == 0, "\(rest.errors)")
            for name in TrainToolTests.results {
                let isSame =
                    try repository.bytes("whole/\(name)") == repository.bytes("cut/\(name)")
                #expect(isSame, "\(name)")
            }
        }
    }

    @Test(arguments: ["q4_K", "q8_0"])
    func aStageTrainsOverAQuantisedBase(_ type: String) throws {
        try withRepository { repository in
            // Blocks of q4_K have 256 numbers; weights of 16 bits and layers computed twice.
            let base = try BuiltTool(
                "southgpt-train", in: repository.folder,
                ["--task", "llama", "--save_path", "wide", "--set", "bf16.enabled=true"]
                    + ["--set", "checkpoint_activations=true", "--set", "max_steps=2"]
                    + [
                        "hidden_size=256", "intermediate_size=512", "num_hidden_layers=2",
                        "num_attention_heads=4", "num_key_value_heads=2", "vocab_size=300",
                    ].flatMap { ["--set", "recipe.config.\($0)"] }
                    + ["--set", "train_micro_batch_size_per_gpu=2"]
            ).outcome()
            #expect(base.status == 0, "\(base.errors)")
            let llm = "ckpt/pretrained_ckpt/vicuna_ckpt/quantised"
            try FileManager.default.createDirectory(
                atPath: "\(repository.folder)/\(llm)", withIntermediateDirectories: true)
            let quantised = try BuiltTool.run(
                "southgpt-checkpoint", in: repository.folder, "quantize", "wide", "--type", type,
                "--output", "\(llm)/model.gguf", "--quiet")
            #expect(quantised.status == 0, "\(quantised.errors)")
            let blocked = try Checkpoint(
                contentsOf: "\(repository.folder)/\(llm)/model.gguf"
            ).tensors.filter { $0.dtype == (type == "q4_K" ? .q4_K : .q8_0) }
            #expect(blocked.count >= 14)
            try FileManager.default.copyItem(
                atPath: "\(repository.folder)/wide/tokenizer.model",
                toPath: "\(repository.folder)/\(llm)/tokenizer.model")
            let trained = try repository.train([
                "--stage", "3", "--save_path", "out", "--set", "vicuna_version=quantised",
                "--set", "max_steps=5", "--set", "lora_r=4", "--set", "lora_alpha=4",
            ]).outcome()
            #expect(trained.status == 0, "\(trained.errors)")
            let delta = try Delta("\(repository.folder)/out")
            #expect(delta.adapter == LoRAConfig(rank: 4, alpha: 4))
            let up = try delta.languageModel.tensors.filter { $0.name.contains(".lora_B.") }
                .map { try $0.tensor().absolute().max().item() }
            #expect(up.count == 8 && up.allSatisfy { $0 > 0 && $0.isFinite })
            // And from there on, to another stage.
            let next = try repository.train([
                "--stage", "2", "--save_path", "out", "--set", "vicuna_version=quantised",
                "--set", "max_steps=2",
            ]).outcome()
            #expect(next.status == 0, "\(next.errors)")
        }
    }
}
