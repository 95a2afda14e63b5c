import Foundation
import SouthGPT
import TensorCore
import TestSupport
import Testing

/// `southgpt-embed` as the README's users run it.
@Suite struct EmbedToolTests {
    /// A repository with captions and tiny decoders where the README's are.
    private func withRepository(_ body: (String) throws -> Void) throws {
        try withTemporaryFolder { folder in
            let made = try BuiltTool.run(
                "southgpt-checkpoint", in: folder, "init", "--preset", "tiny", "--output", "m")
            #expect(made.status == 0, "\(made.errors)")
            let files = FileManager.default
            for path in [
                "ckpt/pretrained_ckpt/runwayml", "ckpt/pretrained_ckpt/cvssp", "code",
                "data/T-X_pair_data/cc3m", "data/IT_data/T-T+X",
            ] {
                try files.createDirectory(
                    atPath: "\(folder)/\(path)", withIntermediateDirectories: true)
            }
            for (tiny, name) in [
                ("stable-diffusion-tiny", "runwayml/stable-diffusion-v1-5"),
                ("audioldm-tiny", "cvssp/audioldm-l-full"),
            ] {
                try files.moveItem(
                    atPath: "\(folder)/m/pretrained_ckpt/\(tiny)",
                    toPath: "\(folder)/ckpt/pretrained_ckpt/\(name)")
            }
            let pairs = (0..<5).map { number in
                "{\"image_name\": \"00\(number).jpg\", \"caption\": \"A drum, \(number)\"}"
            }
            try Data("[\(pairs.joined(separator: ","))]".utf8).write(
                to: URL(filePath: "\(folder)/data/T-X_pair_data/cc3m/cc3m.json"))
            let dialogue = """
                [{"image_name": "t2x0.wav", "conversation": [
                  {"from": "human", "value": "Rain?", "input_modality": "text"},
                  {"from": "gpt", "value": "So.", "caption": "rain", "output_modality": "audio"}]}]
                """
            try Data(dialogue.utf8).write(
                to: URL(filePath: "\(folder)/data/IT_data/T-T+X/audio_t2x.json"))
            try body(folder)
        }
    }

    @Test(arguments: [".", "code"])
    func theReadmesCommandWorksInBothFolders(_ place: String) throws {
        try withRepository { folder in
            let arguments = (
                "../data/T-X_pair_data/cc3m/cc3m.json", "image", "../data/embed/",
                "runwayml/stable-diffusion-v1-5"
            )
            let first = try BuiltTool.run(
                "southgpt-embed", in: "\(folder)/\(place)", arguments.0, arguments.1, arguments.2,
                arguments.3)
            #expect(first.status == 0, "\(first.errors)")
            #expect(first.output.contains("5 embeddings made"))
            #expect(first.errors.contains("embedding 5/5"))
            let store = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/data/embed")
            #expect(
                store.sorted() == (0..<5).map { "00\($0).jpg.npy" } + ["index.tsv"])
            let array = try Checkpoint(contentsOf: "\(folder)/data/embed/003.jpg.npy")["array"]
            #expect(array?.shape == [77, 32])
            #expect(array?.dtype == .float16)
            let second = try BuiltTool.run(
                "southgpt-embed", in: "\(folder)/\(place)", arguments.0, arguments.1, arguments.2,
                arguments.3, "--resume", "--json", "--quiet")
            #expect(second.status == 0 && second.errors.isEmpty, "\(second.errors)")
            #expect(second.output.contains("\"present\" : 5"))
        }
    }

    @Test func readsDialoguesAndSaysWhatIsWrong() throws {
        try withRepository { folder in
            func embed(_ captions: String, _ modality: String, _ model: String) throws
                -> BuiltTool.Outcome
            {
                try BuiltTool.run(
                    "southgpt-embed", in: folder, captions, modality, "data/embed", model, "-q")
            }
            let file = "data/IT_data/T-T+X_data/audio_t2x.json"
            #expect(try embed(file, "audio", "cvssp/audioldm-l-full").status == 0)
            let array = try Checkpoint(contentsOf: "\(folder)/data/embed/t2x0.wav.npy")["array"]
            #expect(array?.shape == [16])
            let wrong = try embed(file, "image", "cvssp/audioldm-l-full")
            #expect(wrong.status == 1)
            #expect(
                wrong.errors
                    == "error: cvssp/audioldm-l-full: makes audio, expected a decoder that makes "
                    + "image. Name one that does, such as 'runwayml/stable-diffusion-v1-5', or the "
                    + "modality audio.\n")
            let absent = try embed(file, "video", "cerspense/zeroscope_v2_576w")
            #expect(absent.status == 1)
            #expect(absent.errors.contains("ckpt/pretrained_ckpt/cerspense/zeroscope_v2_576w"))
            #expect(absent.errors.contains("Download https://huggingface.co/cerspense/"))
            let unknown = try embed(file, "smell", "cvssp/audioldm-l-full")
            #expect(unknown.status == 64)
        }
    }

    @Test func readsLinesAndShards() throws {
        try withRepository { folder in
            let lines = (0..<3).map { "{\"image_name\": \"l\($0).jpg\", \"caption\": \"\($0)\"}" }
            try Data(lines.joined(separator: "\n").utf8).write(
                to: URL(filePath: "\(folder)/lines.jsonl"))
            for name in ["5.jpg", "5.txt", "6.jpg", "6.txt"] {
                try Data("A sunset, \(name)".utf8).write(to: URL(filePath: "\(folder)/\(name)"))
            }
            let packing = try Process.run(
                URL(filePath: "/usr/bin/env"),
                arguments: ["tar", "-C", folder, "-cf", "\(folder)/shard.tar"]
                    + ["5.jpg", "5.txt", "6.jpg", "6.txt"])
            packing.waitUntilExit()
            #expect(packing.terminationStatus == 0)
            for (file, made) in [("lines.jsonl", 3), ("shard.tar", 2)] {
                let outcome = try BuiltTool.run(
                    "southgpt-embed", in: folder, file, "image", "e",
                    "runwayml/stable-diffusion-v1-5", "-q")
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(outcome.output.contains("\(made) embeddings made"), "\(outcome.output)")
            }
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: "\(folder)/e").sorted()
                    == ["5.jpg.npy", "6.jpg.npy", "index.tsv"]
                    + (0..<3).map { "l\($0).jpg.npy" })
        }
    }

    /// `Scripts/prove-embed-resume` does this at many moments.
    @Test(arguments: [SIGKILL, SIGINT])
    func goesOnAfterItWasEnded(by signal: Int32) throws {
        try withRepository { folder in
            let count = 300
            let lines = (0..<count).map { number in
                "{\"image_name\": \"\(number).jpg\", \"caption\": \"Rain, number \(number)\"}"
            }
            try Data(lines.joined(separator: "\n").utf8).write(
                to: URL(filePath: "\(folder)/lines.jsonl"))
            func arguments(_ output: String) -> [String] {
                ["lines.jsonl", "image", output, "runwayml/stable-diffusion-v1-5", "-q"]
                    + ["--batch-size", "4"]
            }
            func made(_ output: String) -> [String] {
                let names = try? FileManager.default.contentsOfDirectory(
                    atPath: "\(folder)/\(output)")
                return (names ?? []).filter { $0.hasSuffix(".npy") }.sorted()
            }
            let ended = BuiltTool("southgpt-embed", in: folder, arguments("ended")).process
            ended.standardError = FileHandle.nullDevice
            try ended.run()
            while ended.isRunning, made("ended").isEmpty { usleep(500) }
            kill(ended.processIdentifier, signal)
            ended.waitUntilExit()
            #expect(ended.terminationStatus != 0)
            #expect(made("ended").count < count)
            for output in ["ended", "whole"] {
                let outcome = try BuiltTool(
                    "southgpt-embed", in: folder, arguments(output)
                ).outcome()
                #expect(outcome.status == 0, "\(outcome.errors)")
            }
            let isSame = made("ended") == made("whole")
            #expect(isSame, "\(Set(made("ended")).symmetricDifference(made("whole")))")
            #expect(made("whole").count == count)
            for name in made("whole") {
                let isEqual =
                    try Data(contentsOf: URL(filePath: "\(folder)/ended/\(name)"))
                    == Data(contentsOf: URL(filePath: "\(folder)/whole/\(name)"))
                #expect(isEqual, "\(name)")
            }
        }
    }
}
