import Foundation
import TensorCore
import TestSupport
import Testing

/// What `southgpt-train` says to bad input, before its first step.
@Suite struct TrainRefusalTests {
    private func withRepository(_ body: (TinyRepository) throws -> Void) throws {
        try withTemporaryFolder { try body(TinyRepository(in: $0)) }
    }

    private func expectRefusal(
        _ repository: TinyRepository, _ arguments: [String], _ message: String
    ) throws {
        let found = try refusal(repository, arguments)
        #expect(found == message)
    }

    /// The one line of a refusal.
    private func refusal(_ repository: TinyRepository, _ arguments: [String]) throws -> String {
        let outcome = try repository.train(arguments).outcome()
        #expect(outcome.status == 1, "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
        let lines = outcome.errors.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 2 && lines[1].isEmpty, "\(outcome.errors)")
        return String(lines[0])
    }

    private func stage2(_ more: String...) -> [String] {
        ["--stage", "2", "--save_path", "out", "--set", "max_steps=2"] + more
    }

    @Test func aPlaceThatCannotBeWrittenTo() throws {
        try withRepository { repository in
            try Data().write(to: URL(filePath: "\(repository.folder)/file"))
            try expectRefusal(
                repository, repository.talk("file/out"),
                "error: file/out: cannot be written to: Not a directory. Name another folder "
                    + "with --save_path.")
            // That this one cannot be made shows only when it is.
            let outcome = try repository.train(repository.talk("/proc/out")).outcome()
            #expect(outcome.status == 1)
            #expect(
                outcome.errors.hasSuffix(
                    "error: /proc/out: cannot be written to: No such file or directory. Name "
                        + "another folder with --save_path.\n"), "\(outcome.errors)")
        }
    }

    @Test func keysAndValuesThatMeanNothing() throws {
        try withRepository { repository in
            try expectRefusal(
                repository, repository.talk("out", "--set", "warmup_rat=0.2"),
                "error: --set warmup_rat=0.2: unknown key 'warmup_rat'; did you mean "
                    + "'warmup_rate'?")
            try expectRefusal(
                repository, repository.talk("out", "--set", "optimizer.params.lr=-1"),
                "error: --set optimizer.params.lr=-1: 'optimizer.params.lr' is -1.0, expected "
                    + "more than 0.")
        }
    }

    @Test func batchesThatDoNotAddUpAreCorrectedAloudOrRefused() throws {
        try withRepository { repository in
            let corrected = try repository.train(
                repository.talk("out", "--dry-run", "--set", "train_batch_size=7")
                    + ["--set", "train_micro_batch_size_per_gpu=2"]
            ).outcome()
            #expect(corrected.status == 0)
            #expect(
                corrected.output.contains(
                    "note: train_batch_size is 7, but 2 (micro) × 1 (accumulation) × 1 (ranks) = 2: "
                        + "training with 2.\n"))
            try expectRefusal(
                repository, repository.talk("out", "--set", "train_micro_batch_size_per_gpu=5"),
                "error: the settings: 'dataset_name_list' is 'alpaca_instruction', of 4 samples, "
                    + "expected datasets of one batch or more: 5. Use fewer ranks, a smaller "
                    + "train_micro_batch_size_per_gpu, or leave it out.")
        }
    }

    @Test func embeddingsThatAreMissingOrOfAnotherDecoder() throws {
        try withRepository { repository in
            let file = "data/embed/2.jpg.npy"
            let kept = try repository.bytes(file)
            try FileManager.default.removeItem(atPath: "\(repository.folder)/\(file)")
            try expectRefusal(
                repository, stage2(),
                "error: 1 of 12 captions have no embedding to be trained towards. The first: "
                    + "\(file): there is no embedding of the caption 'a plucked string, number 2', "
                    + "expected one. Make it: southgpt-embed CAPTIONS image data/embed MODEL")
            try Npy.write(
                Tensor.zeros([77, 1024]).cast(to: .float16), to: "\(repository.folder)/\(file)")
            let maker = try TinyRepository.source.get()
            try expectRefusal(
                repository, stage2(),
                "error: \(file): an embedding of shape [77, 1024], made by "
                    + "'\(maker)/model/pretrained_ckpt/stable-diffusion-tiny', expected [77, 32], "
                    + "which 'runwayml/stable-diffusion-v1-5' takes. Make it: southgpt-embed "
                    + "CAPTIONS image data/embed runwayml/stable-diffusion-v1-5")
            try kept.write(to: URL(filePath: "\(repository.folder)/\(file)"))
            #expect(!repository.exists("out"))
        }
    }

    @Test func aRunThatIsAnother() throws {
        try withRepository { repository in
            let run = repository.talk("out", "--set", "max_steps=2")
            #expect(try repository.train(run).outcome().status == 0)
            try expectRefusal(
                repository, run,
                "error: out/run/stage_3: holds a run at step 2 of 2. Go on with it by "
                    + "--resume, or remove the folder to start anew.")
            try expectRefusal(
                repository, run + ["--resume", "--set", "seed=7", "--set", "epochs=11"],
                "error: out/run/stage_3: the run there was started with other settings: "
                    + "epochs was 10, is 11; seed was 13, is 7. Set them back, or start anew with "
                    + "another --save_path.")
            // A checkpoint of another stage.
            try FileManager.default.moveItem(
                atPath: "\(repository.folder)/out/run/stage_3",
                toPath: "\(repository.folder)/out/run/stage_2")
            #expect(
                try refusal(repository, stage2("--resume")).hasPrefix(
                    "error: out/run/stage_2: holds another run: task was stage_3, is stage_2"))
        }
    }

    @Test func aRunOfAnotherModelOrVocabulary() throws {
        try withRepository { repository in
            let run = repository.talk("out", "--set", "max_steps=2")
            #expect(try repository.train(run).outcome().status == 0)
            // Without its delta, so that the run itself is what does not fit.
            for name in ["model.safetensors", "pytorch_model.pt"] {
                try FileManager.default.removeItem(atPath: "\(repository.folder)/out/\(name)")
            }
            let llm = "\(repository.folder)/model/pretrained_ckpt/vicuna_ckpt/tiny"
            try Data("{\"[PAD]\": 512}".utf8).write(to: URL(filePath: "\(llm)/added_tokens.json"))
            try expectRefusal(
                repository, run + ["--resume"],
                "error: out/run/stage_3: holds another run: vocabulary was 512 tokens and 38 added, "
                    + "is 512 tokens and 39 added. Name another --save_path.")
            try FileManager.default.removeItem(atPath: "\(llm)/added_tokens.json")
            let other = try BuiltTool.run(
                "southgpt-checkpoint", in: repository.folder, "init", "--preset", "tiny", "--seed",
                "14", "--output", "other")
            #expect(other.status == 0)
            try FileManager.default.removeItem(atPath: llm)
            try FileManager.default.copyItem(
                atPath: "\(repository.folder)/other/pretrained_ckpt/vicuna_ckpt/tiny", toPath: llm)
            try expectRefusal(
                repository, run + ["--resume"],
                "error: out/run/stage_3: holds another run: base model was 2 layers of 64, beginning "
                    + "with 0.10296631, 0.09613037, -0.04034424, -0.059906006, is 2 layers of 64, "
                    + "beginning with 0.015930176, 0.018676758, 0.11419678, 0.00033521652. Name "
                    + "another --save_path.")
        }
    }
}
