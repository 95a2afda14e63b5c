import DataPipeline
import Dialogue
import Foundation
import ModelTestSupport
import ModelZoo
import SouthGPT
import TensorCore
import TestSupport
import Testing
import Training

/// What a stage leaves behind, and what the next one takes up.
@Suite struct StageDeltaTests {
    /// The tiny preset's base in the README's layout, without a delta.
    private func root(in folder: String) throws -> String {
        let root = "\(folder)/root"
        try FileManager.default.createDirectory(
            atPath: "\(root)/ckpt", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: "\(root)/ckpt/pretrained_ckpt",
            withDestinationPath: "\(TinyFolder.path)/pretrained_ckpt")
        return root
    }

    private func task(
        _ stage: Stage, _ root: String, delta: String? = nil, _ more: [String] = []
    ) throws -> StageTask {
        let config = try RunSettings(
            stage: stage, folder: Fixture.path("../../Configs"),
            assignments: [
                "vicuna_version=tiny", "imagebind_version=tiny",
                "pretrained_ckpt_path=../ckpt/pretrained_ckpt/",
                "text_fc_to_img_mode=linear", "text_fc_to_video_mode=linear",
                "text_fc_to_audio_mode=linear",
            ] + (stage == .instructionTuning ? ["lora_r=2", "lora_alpha=4"] : []) + more
        ).task
        return try StageTask(stage, config: config, model: .checkpoints(root: root), delta: delta)
    }

    /// Moves everything that the stage trains.
    private func train(_ task: StageTask) {
        for parameter in task.phases[0].parameters {
            parameter.replace(with: parameter.value + 0.25)
        }
    }

    private func tensors(_ file: String) throws -> [String: Tensor] {
        Dictionary(
            uniqueKeysWithValues: try Checkpoint(contentsOf: file).tensors.map {
                ($0.name, try $0.tensor())
            })
    }

    @Test func freshTransformersHaveTheSizesThatTheSettingsSay() throws {
        try withTemporaryFolder { folder in
            let root = try root(in: folder)
            let sizes = [
                "text_fc_to_audio_mode=transformer", "text_fc_width=16", "text_fc_layers=1",
                "text_fc_feed_forward=24",
            ]
            let fresh = try task(.decoderAlignment, root, sizes)
            try fresh.write(to: "\(folder)/delta")
            // A later stage goes by the delta, not by the settings.
            let next = try task(
                .instructionTuning, root, delta: "\(folder)/delta",
                sizes + ["text_fc_width=32", "text_fc_layers=2"])
            for task in [fresh, next] {
                let config = try #require(task.model.projections.outputs[.audio]).config
                #expect(config.innerWidth == 16)
                #expect(config.layers == 1)
                #expect(config.feedForward == 24)
            }
        }
    }

    @Test(arguments: [
        [Stage.encoderAlignment, .decoderAlignment, .instructionTuning],
        [.encoderAlignment, .instructionTuning, .decoderAlignment],
    ])
    func anyOrderOfStagesKeepsWhatEachTrained(_ order: [Stage]) throws {
        try withTemporaryFolder { folder in
            let root = try root(in: folder)
            let save = "\(folder)/delta"
            var moved: [String: Tensor] = [:]
            for (index, stage) in order.enumerated() {
                let task = try task(stage, root, delta: index == 0 ? nil : save)
                train(task)
                for parameter in task.phases[0].parameters {
                    moved[parameter.name] = parameter.value.cast(to: .float16)
                }
                try task.write(to: save)
                let delta = try Delta(save)
                #expect(delta.notes.stage == stage.rawValue)
                #expect(!delta.notes.movesBaseRows)
                #expect(delta.tokenIDs["[AUD7]"] == 512 + 37)
            }
            let delta = try Delta(save)
            #expect(delta.adapter == LoRAConfig(rank: 2, alpha: 4))
            for (name, value) in moved {
                if name.hasSuffix(".added_rows") {
                    let layer = name.dropLast(".added_rows".count)
                    let table = try #require(delta.languageModel["\(layer).weight"]).tensor()
                    #expect(table.shape[0] == 550)
                    #expect(table.sliced(0, 512..<550).floats() == value.floats(), "\(name)")
                } else {
                    let stored = delta.projections[name] ?? delta.languageModel[name]
                    #expect(try #require(stored).tensor().floats() == value.floats(), "\(name)")
                }
            }
            // A copy for each stage, and the same in both formats but for their types.
            for stage in order {
                #expect(
                    FileManager.default.fileExists(
                        atPath: "\(save)/stage_\(stage.rawValue)/pytorch_model.pt"))
            }
            let (torch, safe) = (
                try tensors("\(save)/pytorch_model.pt"), try tensors("\(save)/model.safetensors")
            )
            #expect(
                torch.mapValues { $0.floats() }
                    == safe.mapValues { $0.cast(to: .float16).floats() })
            #expect(torch.values.allSatisfy { $0.dtype == .float16 })
            #expect(safe.values.allSatisfy { $0.dtype == .float32 })
        }
    }

    @Test func namesAreThoseOfThePublishedRegimes() throws {
        try withTemporaryFolder { folder in
            let root = try root(in: folder)
            try task(.encoderAlignment, root).write(to: "\(folder)/first")
            let plain = Set(try tensors("\(folder)/first/pytorch_model.pt").keys)
            #expect(
                plain.isSuperset(of: [
                    "llama_model.model.embed_tokens.weight", "llama_model.lm_head.weight",
                    "llama_proj.weight", "llama_proj.bias", "gen_text_hidden_fcs.0.model.weight",
                    "gen_text_hidden_fcs_video.0.model.weight",
                    "gen_text_hidden_fcs_audio.0.model.weight",
                ]))
            #expect(!plain.contains { $0.contains("lora") })
            try task(.instructionTuning, root).write(to: "\(folder)/third")
            let wrapped = Set(try tensors("\(folder)/third/pytorch_model.pt").keys)
            let attention = "llama_model.base_model.model.model.layers.1.self_attn"
            #expect(
                wrapped.isSuperset(of: [
                    "llama_model.base_model.model.model.embed_tokens.weight",
                    "llama_model.base_model.model.lm_head.weight",
                    "\(attention).o_proj.lora_A.default.weight",
                    "\(attention).o_proj.lora_B.default.weight",
                ]))
            // Our notes lie in both files.
            for name in ["pytorch_model.pt", "model.safetensors"] {
                let delta = try Delta("\(folder)/third/\(name)")
                #expect(delta.notes.stage == 3)
                #expect(delta.notes.loraAlpha == 4)
                #expect(delta.notes.tokenIDs?["<Img>"] == 512)
                #expect(delta.notes.base != nil)
            }
            let config: LLaMAConfig = try ConfigFile.read(from: "\(folder)/third/config.json")
            #expect(config.vocabSize == 550)
            let tokenizer = try LLaMATokenizer(folder: "\(folder)/third")
            #expect(tokenizer.id(of: "[VID23]") == 512 + 29)
        }
    }

    @Test func rowsStartAsTheOriginalsNormalOnesWhereTheSwitchSaysSo() throws {
        try withTemporaryFolder { folder in
            let task = try task(
                .encoderAlignment, try root(in: folder), delta: nil,
                ["new_row_initialization=normal"])
            for name in ["model.embed_tokens", "lm_head"] {
                let rows = try #require(
                    task.model.languageModel.parameters.first { $0.name == "\(name).added_rows" }
                ).value
                let count = Float(rows.count)
                let deviation = (Float(rows.sumOfSquares) / count).squareRoot()
                #expect(abs(rows.mean([0, 1]).item()) < 4 * 0.02 / count.squareRoot(), "\(name)")
                #expect(abs(deviation - 0.02) < 4 * 0.02 / (2 * count).squareRoot(), "\(name)")
                // No two alike, as those of the mean are.
                #expect(Set(rows.floats()).count > rows.count * 9 / 10)
            }
        }
    }

    @Test func rowsStartAsTheMeanOfTheBases() throws {
        try withTemporaryFolder { folder in
            let task = try task(.encoderAlignment, try root(in: folder))
            let parameters = task.model.languageModel.parameters
            let table = try #require(
                parameters.first { $0.name == "model.embed_tokens.weight" }
            ).value
            let rows = try #require(
                parameters.first { $0.name == "model.embed_tokens.added_rows" }
            ).value
            #expect(table.shape == [512, 64])
            #expect(rows.shape == [38, 64])
            let mean = table.cast(to: .float32).mean([0], keepingAxes: true)
            #expect(rows.isClose(to: mean.broadcast(to: [38, 64]), absolute: 1e-6))
        }
    }

    @Test func rowsAreFoundByWhatTheirTokensAreCalled() throws {
        try withTemporaryFolder { folder in
            let root = try root(in: folder)
            let first = try task(.encoderAlignment, root)
            train(first)
            try first.write(to: "\(folder)/delta")
            // The same base with one token more, as conversions of Vicuna have it.
            let base = "\(folder)/padded"
            try FileManager.default.copyItem(
                atPath: "\(TinyFolder.path)/pretrained_ckpt", toPath: base)
            let vicuna = "\(base)/vicuna_ckpt/tiny"
            try LLaMATokenizer(folder: vicuna).adding(["[PAD]"]).write(to: vicuna)
            try FileManager.default.createDirectory(
                atPath: "\(folder)/other/ckpt", withIntermediateDirectories: true)
            try FileManager.default.moveItem(
                atPath: base, toPath: "\(folder)/other/ckpt/pretrained_ckpt")
            let other = try task(
                .decoderAlignment, "\(folder)/other", delta: "\(folder)/delta")
            let rows = try #require(
                other.model.languageModel.parameters.first {
                    $0.name == "model.embed_tokens.added_rows"
                })
            // The base has no row for [PAD], so it is among the added ones.
            #expect(rows.value.shape == [39, 64])
            let trained = try #require(
                first.phases[0].parameters.first { $0.name == "model.embed_tokens.added_rows" })
            #expect(
                rows.value.sliced(0, 1..<39).floats() == trained.value.floats())
            #expect(other.model.layout.tokenizer.id(of: "<Img>") == 513)
        }
    }

    @Test func aDeltaOfAnotherModelIsRefused() throws {
        try withTemporaryFolder { folder in
            let root = try root(in: folder)
            try task(.instructionTuning, root).write(to: "\(folder)/delta")
            let other = "\(folder)/other"
            try ModelPreset.tiny.write(to: other, seed: 14)
            try FileManager.default.createDirectory(
                atPath: "\(folder)/second", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/second/ckpt", withDestinationPath: other)
            #expect {
                _ = try task(.decoderAlignment, "\(folder)/second", delta: "\(folder)/delta")
            } throws: { error in
                "\(error)".contains("model.safetensors: was trained on another language model")
            }
            let config = try RunSettings(
                stage: .instructionTuning, folder: Fixture.path("../../Configs"),
                assignments: ["vicuna_version=tiny", "imagebind_version=tiny", "lora_r=8"]
            ).task
            #expect {
                _ = try StageTask(
                    .instructionTuning, config: config, model: .checkpoints(root: root),
                    delta: "\(folder)/delta")
            } throws: { error in
                "\(error)".hasSuffix(
                    "has adapters of rank 2 and alpha 4.0, expected rank 8 and alpha 32.0. "
                        + "Set lora_r and lora_alpha as the delta has them, or train in another "
                        + "folder.")
            }
        }
    }

    @Test func projectionsOfSeveralLayersAreReadAsTheyWereTrained() throws {
        try withTemporaryFolder { folder in
            let copy = "\(folder)/model"
            try FileManager.default.copyItem(atPath: TinyFolder.path, toPath: copy)
            // A delta without projections, so that fresh ones for two layers are drawn.
            let place = "\(copy)/delta_ckpt/southgpt/tiny"
            let kept = try Checkpoint(contentsOf: "\(place)/pytorch_model.pt").tensors.filter {
                !$0.name.hasPrefix("gen_text_hidden_fcs.")
            }
            try PyTorchArchive.write(
                try kept.map { ($0.name, try $0.tensor()) }, to: "\(place)/pytorch_model.pt")
            let config = try RunSettings(
                stage: .decoderAlignment, folder: Fixture.path("../../Configs"),
                assignments: ["text_emb_to_img_layers=[0, -1]"]
            ).task
            let task = try StageTask(.decoderAlignment, config: config, model: .folder(copy))
            try task.write(to: place)
            #expect(try Delta(place).notes.hiddenLayers == ["image": [0, -1]])
            let model = try MultimodalModel(copy)
            var request = Request("hello", output: .init(text: true, media: [.image]))
            request.options.maxNewTokens = 1
            request.options.imageSteps = 1
            let response = try Session(model).respond(to: request)
            #expect(response.media.count == 1)
        }
    }

    @Test func theSystemSpeaksWithWhatWasTrained() throws {
        try withTemporaryFolder { folder in
            let copy = "\(folder)/model"
            try FileManager.default.copyItem(atPath: TinyFolder.path, toPath: copy)
            let config = try RunSettings(
                stage: .instructionTuning, folder: Fixture.path("../../Configs"),
                assignments: ["lora_r=4", "lora_alpha=4"]
            ).task
            let task = try StageTask(
                .instructionTuning, config: config, model: .folder(copy))
            train(task)
            try task.write(to: "\(copy)/delta_ckpt/southgpt/tiny")
            let model = try MultimodalModel(copy)
            var request = Request("hello")
            request.options.maxNewTokens = 2
            _ = try Session(model).respond(to: request)
            // What was written is what is read: the same model, trained on, starts from there.
            let again = try StageTask(.instructionTuning, config: config, model: .folder(copy))
            for (one, other) in zip(task.phases[0].parameters, again.phases[0].parameters) {
                #expect(one.value.floats() == other.value.floats(), "\(one.name)")
            }
        }
    }
}
