import Foundation
import ModelTestSupport
import ModelZoo
import SouthGPT
import TensorCore
import TestSupport
import Testing

/// The README's `ckpt/`, with tiny parts in the places of the published ones.
@Suite struct CheckpointLayoutTests {
    private let files = FileManager.default

    /// The tiny model without its `southgpt.json`.
    private func layout(_ body: (String) throws -> Void) throws {
        try withTemporaryFolder { folder in
            let ckpt = try TinyFolder.copy(in: folder)
            try files.removeItem(atPath: "\(ckpt)/southgpt.json")
            try body(ckpt)
        }
    }

    private func move(_ from: String, _ to: String, in ckpt: String) throws {
        let target = URL(filePath: "\(ckpt)/\(to)")
        try files.createDirectory(
            at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
        try files.moveItem(atPath: "\(ckpt)/\(from)", toPath: target.path)
    }

    @Test func opensAsAModelFolderAndAnswersAsThatDoes() throws {
        try layout { ckpt in
            let folder = try ModelFolder(ckpt)
            let whole = try ModelFolder(TinyFolder.path)
            for name in whole.manifest.components.keys {
                #expect(
                    folder.manifest.components[name] == whole.manifest.components[name], "\(name)")
            }
            #expect(folder.modalities == Modality.allCases)
            var options = GenerationOptions()
            (options.maxNewTokens, options.temperature) = (6, 0)
            func answer(_ path: String) throws -> String {
                let request = Request("Hello", output: OutputChoice(media: []), options: options)
                return try Session(try MultimodalModel(path)).respond(to: request).text
            }
            #expect(try answer(ckpt) == answer(TinyFolder.path))
        }
    }

    @Test func aDeltaInItOpensAsTheModelThatItIsOf() throws {
        try layout { ckpt in
            try move("delta_ckpt/southgpt/tiny", "delta_ckpt/southgpt/first", in: ckpt)
            try files.copyItem(
                atPath: "\(ckpt)/delta_ckpt/southgpt/first",
                toPath: "\(ckpt)/delta_ckpt/southgpt/second")
            for name in ["first", "second"] {
                let folder = try ModelFolder("\(ckpt)/delta_ckpt/southgpt/\(name)/")
                #expect(
                    folder.manifest.components["delta"]?.path == "delta_ckpt/southgpt/\(name)")
                #expect(folder.modalities == Modality.allCases)
            }
            // A folder of weights elsewhere is none.
            let other = "\(ckpt)/elsewhere"
            try files.copyItem(atPath: "\(ckpt)/delta_ckpt/southgpt/first", toPath: other)
            #expect(throws: ModelError.missingManifest(folder: other)) { try ModelFolder(other) }
        }
    }

    @Test func prefersThePublishedNames() throws {
        try layout { ckpt in
            try move(
                "pretrained_ckpt/stable-diffusion-tiny",
                "pretrained_ckpt/runwayml/stable-diffusion-v1-5", in: ckpt)
            try files.copyItem(
                atPath: "\(ckpt)/delta_ckpt/southgpt/tiny", toPath: "\(ckpt)/other")
            try move("other", "delta_ckpt/southgpt/7b_tiva_v0", in: ckpt)
            try move(
                "pretrained_ckpt/vicuna_ckpt/tiny", "pretrained_ckpt/vicuna_ckpt/7b_v0", in: ckpt)
            let parts = try #require(CheckpointLayout(ckpt, environment: [:])).manifest().components
            #expect(parts["llm"]?.path == "pretrained_ckpt/vicuna_ckpt/7b_v0")
            #expect(parts["delta"]?.path == "delta_ckpt/southgpt/7b_tiva_v0")
            #expect(parts["tokenizer"]?.path == "delta_ckpt/southgpt/7b_tiva_v0")
            #expect(
                parts["decoder.image"]?.path == "pretrained_ckpt/runwayml/stable-diffusion-v1-5")
            #expect(parts["decoder.video"]?.path == "pretrained_ckpt/zeroscope-tiny")
        }
    }

    @Test func assembleWritesWhatIsOpened() throws {
        try layout { ckpt in
            let layout = try #require(CheckpointLayout(ckpt, environment: [:]))
            let manifest = try layout.assemble()
            #expect(try ModelFolder(ckpt).manifest == manifest)
            let file = "\(ckpt)/southgpt.json"
            #expect(throws: ModelError.presentManifest(file: file)) { try layout.assemble() }
            #expect(
                "\(ModelError.presentManifest(file: "a"))"
                    == "a: is there already, and was left as it is. --replace writes it anew.")
            try layout.assemble(
                delta: "\(ckpt)/delta_ckpt/southgpt/tiny", replacing: true)
            #expect(try ModelFolder(ckpt).manifest == manifest)
        }
    }

    @Test func saysWhatToDownloadAndWhere() throws {
        try layout { ckpt in
            func error() -> String {
                do {
                    _ = try #require(CheckpointLayout(ckpt, environment: [:])).manifest()
                    return "no error"
                } catch { return "\(error)" }
            }
            try files.removeItem(atPath: "\(ckpt)/delta_ckpt")
            #expect(
                error()
                    == "southgpt/7b_tiva_v0: no such model here, expected it in "
                    + "\(ckpt)/delta_ckpt/southgpt/7b_tiva_v0 or "
                    + "\(ckpt)/delta_ckpt/nextgpt/7b_tiva_v0. Train one with southgpt-train, or "
                    + "download https://huggingface.co/ChocoWu/nextgpt_7b_tiva_v0 (about 0.8 GB) to "
                    + "\(ckpt)/delta_ckpt/southgpt/7b_tiva_v0.")
            try files.removeItem(atPath: "\(ckpt)/pretrained_ckpt/imagebind_ckpt")
            #expect(error().contains("imagebind_huge.pth (4.8 GB) to \(ckpt)/pretrained_ckpt"))
        }
    }

    @Test func refusesToChooseAmongSeveral() throws {
        try layout { ckpt in
            for name in ["a", "b"] {
                try files.copyItem(
                    atPath: "\(ckpt)/delta_ckpt/southgpt/tiny",
                    toPath: "\(ckpt)/delta_ckpt/southgpt/\(name)")
            }
            let error = #expect(throws: ModelError.self) { try ModelFolder(ckpt) }
            #expect(error?.description.contains("has several of which one is needed") == true)
        }
    }

    @Test func aFolderOfAnotherKindIsNone() throws {
        try withTemporaryFolder { folder in
            #expect(CheckpointLayout(folder) == nil)
            #expect(throws: ModelError.missingManifest(folder: folder)) { try ModelFolder(folder) }
        }
    }

    @Test func theCheckupListsEveryPublishedPart() throws {
        try layout { ckpt in
            try move(
                "pretrained_ckpt/imagebind_ckpt/tiny", "pretrained_ckpt/imagebind_ckpt/huge",
                in: ckpt)
            let root = URL(filePath: ckpt).deletingLastPathComponent().path
            try files.moveItem(atPath: ckpt, toPath: "\(root)/ckpt")
            let checkup = Checkup(
                modelFolder: "\(root)/ckpt", bundled: .success(""),
                root: root, environment: ["PATH": ""])
            #expect(checkup.parts.count == PublishedModel.all.count + 1)
            let parts = Dictionary(uniqueKeysWithValues: checkup.parts.map { ($0.name, $0) })
            // The folder is there, its file has another name.
            let encoder = try #require(parts["imagebind/huge"])
            #expect(encoder.state == .incomplete)
            #expect(encoder.line.contains("lacks imagebind_huge.pth: download https://dl.fb"))
            // What is published of Vicuna does not go into Vicuna's place.
            let vicuna = try #require(parts["lmsys/vicuna-7b-v0"])
            #expect(
                vicuna.line
                    == "not here: download https://huggingface.co/lmsys/vicuna-7b-delta-v0 "
                    + "(about 13.5 GB) to a folder of its own, and add it to LLaMA 7B: "
                    + "southgpt-checkpoint merge-delta --base LLAMA --delta THAT --output "
                    + "\(root)/ckpt/pretrained_ckpt/vicuna_ckpt/7b_v0")
            let delta = try #require(parts["southgpt/7b_tiva_v0"])
            #expect(delta.state == .absent)
            #expect(delta.folder == "\(root)/ckpt/delta_ckpt/southgpt/7b_tiva_v0")
            #expect(delta.size == "about 0.8 GB")
            let model = try #require(checkup.items.first { $0.subject == "model" })
            #expect(model.state == .ok)
            #expect(model.detail == "\(root)/ckpt, makes text, image, audio, video")
        }
    }

    @Test func findsWholeModelsByTheirNamesOnTheHub() throws {
        try withTemporaryFolder { folder in
            let place = "\(folder)/ckpt/pretrained_ckpt/vicuna_ckpt/7b_v0"
            try files.createDirectory(atPath: place, withIntermediateDirectories: true)
            try Data("{}".utf8).write(to: URL(filePath: "\(place)/config.json"))
            let lookup = ModelLookup(root: folder, environment: [:])
            #expect(try lookup.model(named: "lmsys/vicuna-7b-v0") == place)
            #expect(try lookup.model(named: "vicuna-7b-v0") == place)
            // A path is a path, whether or not something is there.
            #expect(try lookup.model(named: place) == place)
            #expect(try lookup.model(named: "./nothing") == "./nothing")
            #expect(try lookup.model(named: "tiny") == "tiny")
            #expect(throws: ModelLookup.Missing.self) {
                try lookup.model(named: "meta-llama/Llama-2-7b-hf")
            }
        }
    }
}
