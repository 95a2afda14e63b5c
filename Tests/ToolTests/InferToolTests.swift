import Foundation
import SouthGPT
import TensorCore
import MediaIO
import TestSupport
import Testing

/// `southgpt-infer`, as a user runs it.
@Suite struct InferToolTests {
    private func withModel(_ body: (_ folder: String, _ model: String) throws -> Void) throws {
        try withTemporaryFolder { folder in
            let model = "\(folder)/tiny"
            let made = try BuiltTool.run(
                "southgpt-checkpoint", "init", "--preset", "tiny", "--seed", "13", "--output",
                model)
            #expect(made.status == 0, "\(made.errors)")
            try body(folder, model)
        }
    }

    private func names(_ folder: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder).sorted()) ?? []
    }

    @Test func theReadmesPathOfADeltaIsAModel() throws {
        try withModel { folder, model in
            let files = FileManager.default
            try files.removeItem(atPath: "\(model)/southgpt.json")
            try files.moveItem(atPath: model, toPath: "\(folder)/ckpt")
            for path in ["ckpt", "../ckpt/delta_ckpt/southgpt/tiny"] {
                let run = try BuiltTool.run(
                    "southgpt-infer", in: folder, "--model", path, "--prompt", "Hello",
                    "--modalities", "text", "--max-new-tokens", "3")
                #expect(run.status == 0, "\(run.errors)")
                #expect(!run.output.isEmpty)
            }
        }
    }

    @Test func theSameSeedGivesTheSameBytes() throws {
        try withModel { folder, model in
            try writePNG(recipeInput("p", [3, 40, 40], scale: 1) + 0.5, to: "\(folder)/p.png")
            var files: [[Data]] = []
            for output in ["a", "b"] {
                let outcome = try BuiltTool.run(
                    "southgpt-infer", "--model", model, "--prompt", "What is this?", "--image",
                    "\(folder)/p.png", "--modalities", "text,image,audio,video", "--seed", "7",
                    "--image-steps", "2", "--audio-steps", "2", "--video-steps", "2", "--frames",
                    "2", "--audio-seconds", "0.25", "--output", "\(folder)/\(output)", "--json")
                #expect(outcome.status == 0, "\(outcome.errors)")
                let report =
                    try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
                    as? [String: Any]
                let keys = Set((report ?? [:]).keys)
                let promised: Set = [
                    "text", "segments", "media", "tokens", "seconds", "peakMemoryBytes",
                ]
                #expect(keys.isSuperset(of: promised))
                #expect((report?["media"] as? [Any])?.count == 3)
                let made = names("\(folder)/\(output)")
                #expect(made == ["audio-1.wav", "image-1.png", "video-1.mp4"])
                files.append(
                    try made.map {
                        try Data(contentsOf: URL(filePath: "\(folder)/\(output)/\($0)"))
                    })
            }
            #expect(files[0] == files[1])
        }
    }

    @Test func failuresSayWhyExitWithOneAndWriteNothing() throws {
        try withModel { folder, model in
            let output = "\(folder)/out"
            try Data("text".utf8).write(to: URL(filePath: "\(folder)/text.jpg"))
            let cases: [(arguments: [String], message: String)] = [
                (["--model", "\(folder)/none"], "no such model folder"),
                (["--model", model, "--image", "\(folder)/text.jpg"], "text.jpg"),
                (["--model", model, "--video", "\(folder)/absent.mp4"], "absent.mp4"),
                (["--model", model, "--height", "17"], "17"),
            ]
            for (arguments, message) in cases {
                let outcome = try BuiltTool(
                    "southgpt-infer", arguments + ["--prompt", "Hi", "--output", output]
                ).outcome()
                #expect(outcome.status == 1, "\(arguments): \(outcome.errors)")
                #expect(outcome.errors.contains(message), "\(outcome.errors)")
                #expect(outcome.output.isEmpty)
                #expect(!FileManager.default.fileExists(atPath: output))
            }
        }
    }

    @Test func anOutputFolderThatCannotBeWrittenIsFoundBeforeAnyWork() throws {
        try withTemporaryFolder { folder in
            try Data().write(to: URL(filePath: "\(folder)/file"))
            let outcome = try BuiltTool.run(
                "southgpt-infer", "--model", "\(folder)/none", "--prompt", "Hi", "--output",
                "\(folder)/file/out")
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("cannot be written to"))
        }
    }

    @Test func wrongUsageExitsWith64() throws {
        let unknown = try BuiltTool.run("southgpt-infer", "--no-such-flag")
        #expect(unknown.status == 64)
        let outcome = try BuiltTool.run(
            "southgpt-infer", "--model", "m", "--prompt", "x", "--modalities", "smell")
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("'smell'"))
    }

    @Test func whatTheKindOfModelDoesNotTakeIsNotPassedOver() throws {
        try withModel { folder, model in
            let alone = "\(model)/pretrained_ckpt/vicuna_ckpt/tiny"
            let cases: [(model: String, arguments: [String], message: String)] = [
                (alone, ["--image", "p.png"], "takes no media"),
                (alone, ["--modalities", "text,image"], "no --modalities"),
                (model, ["--raw"], "--raw: only a language model alone"),
                (model, ["--template", "human"], "--template: only a language model alone"),
                (model, ["--prompts", "x"], "--prompts: only a language model alone"),
            ]
            for (model, arguments, message) in cases {
                let outcome = try BuiltTool(
                    "southgpt-infer", ["--model", model, "--prompt", "Hi"] + arguments
                ).outcome()
                #expect(outcome.status == 64, "\(arguments): \(outcome.errors)")
                #expect(outcome.errors.contains(message), "\(outcome.errors)")
            }
        }
    }

    @Test func stopEndsTheWordsOfTheWholeSystem() throws {
        try withModel { _, model in
            func words(_ more: String...) throws -> String {
                let outcome = try BuiltTool(
                    "southgpt-infer",
                    [
                        "--model", model, "--prompt", "Hi", "--modalities", "text",
                        "--temperature", "0", "--max-new-tokens", "12", "--json",
                    ] + more
                ).outcome()
                #expect(outcome.status == 0, "\(outcome.errors)")
                let report = try #require(
                    try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
                        as? [String: Any])
                return try #require(report["text"] as? String)
            }
            let whole = try words()
            let stop = String(try #require(whole.dropFirst(3).first))
            let expected = whole.prefix { String($0) != stop }
            #expect(try words("--stop", stop) == expected)
        }
    }

    @Test func ctrlCLeavesNoHalfWrittenFile() throws {
        try withModel { folder, model in
            let output = "\(folder)/out"
            let tool = BuiltTool(
                "southgpt-infer",
                [
                    "--model", model, "--prompt", "Draw.", "--modalities", "image",
                    "--image-steps", "999", "--output", output,
                ])
            try tool.process.run()
            // The first line of progress says that the work has begun.
            _ = tool.errors.fileHandleForReading.availableData
            tool.process.interrupt()
            tool.process.waitUntilExit()
            #expect(tool.process.terminationStatus == 130)
            #expect(names(output).isEmpty)
        }
    }

    @Test func aDecoderAloneMakesAPictureAndMakesItAgain() throws {
        try withModel { folder, model in
            let decoder = "\(model)/pretrained_ckpt/stable-diffusion-tiny"
            let first = try BuiltTool.run(
                "southgpt-infer", "--model", decoder, "--prompt", "a fox", "--steps", "3", "--seed",
                "5", "--scheduler", "dpm++2m", "--karras", "--weights", "q8_0", "--preview-every",
                "2", "--output", "\(folder)/a")
            #expect(first.status == 0, "\(first.errors)")
            #expect(first.output == "\(folder)/a/image-1.png\n")
            #expect(first.errors.contains("3 steps, 1 s or so, and "))
            #expect(first.errors.contains("making image 3/3"))
            #expect(first.errors.contains("MiB of memory"))
            #expect(names("\(folder)/a") == ["image-1.png", "preview-2.png"])
            let again = try BuiltTool.run(
                "southgpt-infer", "--rerun", "\(folder)/a/image-1.png", "-q", "--output",
                "\(folder)/b")
            #expect(again.status == 0 && again.errors.isEmpty, "\(again.errors)")
            #expect(
                try Data(contentsOf: URL(filePath: "\(folder)/a/image-1.png"))
                    == Data(contentsOf: URL(filePath: "\(folder)/b/image-1.png")))
            let sounds = try BuiltTool.run(
                "southgpt-infer", "--model", "\(model)/pretrained_ckpt/audioldm-tiny", "--prompt",
                "rain", "--steps", "1", "--audio-seconds", "0.1", "--seed", "6", "--count", "2",
                "--json", "-q", "--output", "\(folder)/c")
            #expect(
                sounds.output.contains("\"seed\" : 6") && sounds.output.contains("\"seed\" : 7"))
            let wrong = try BuiltTool.run(
                "southgpt-infer", "--model", model, "--prompt", "x", "--lora", "y")
            #expect(wrong.status == 64)
            #expect(wrong.errors.contains("--lora is for a decoder alone"))
        }
    }
}
