import Foundation
import ModelZoo
import SouthGPT
import TestSupport
import Testing

@Suite struct ModelLookupTests {
    private let name = "runwayml/stable-diffusion-v1-5"

    private func place(_ path: String, in folder: String) throws -> String {
        let url = URL(filePath: "\(folder)/\(path)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        try Data("{}".utf8).write(to: url.appending(component: "model_index.json"))
        return "\(folder)/\(path)"
    }

    @Test(arguments: [
        "root/ckpt/pretrained_ckpt/runwayml/stable-diffusion-v1-5",
        "root/ckpt/pretrained_ckpt/stable-diffusion-v1-5",
        "root/ckpt/pretrained_ckpt/stable-diffusion-v1-5/stable-diffusion-v1-5",
        "ckpt/pretrained_ckpt/runwayml/stable-diffusion-v1-5",
        "mine/runwayml/stable-diffusion-v1-5", "mine/stable-diffusion-v1-5",
        "mine/pretrained_ckpt/stable-diffusion-v1-5",
        "home/.cache/huggingface/hub/models--runwayml--stable-diffusion-v1-5/snapshots/abc",
        "home/.cache/huggingface/hub/models--stable-diffusion-v1-5--stable-diffusion-v1-5"
            + "/snapshots/f00",
    ])
    func findsAHubNameWhereverItIs(_ path: String) throws {
        try withTemporaryFolder { folder in
            let expected = try place(path, in: folder)
            try FileManager.default.createDirectory(
                atPath: "\(folder)/root", withIntermediateDirectories: true)
            let lookup = ModelLookup(
                root: "\(folder)/root",
                environment: ["HOME": "\(folder)/home", "SOUTHGPT_CKPT": "\(folder)/mine"])
            let found = try lookup.folder(of: name)
            #expect(
                URL(filePath: found).standardizedFileURL
                    == URL(filePath: expected).standardizedFileURL)
        }
    }

    @Test(arguments: [
        (["HF_HUB_CACHE": "F/hub"], "hub"), (["HF_HOME": "F/hf"], "hf/hub"),
        (["XDG_CACHE_HOME": "F/x"], "x/huggingface/hub"),
    ])
    func followsTheVariablesOfTheCache(_ variables: [String: String], _ hub: String) throws {
        try withTemporaryFolder { folder in
            let model = "\(hub)/models--cvssp--audioldm-l-full"
            _ = try place("\(model)/snapshots/aaa", in: folder)
            let current = try place("\(model)/snapshots/bbb", in: folder)
            try FileManager.default.createDirectory(
                atPath: "\(folder)/\(model)/refs", withIntermediateDirectories: true)
            try Data("bbb\n".utf8).write(to: URL(filePath: "\(folder)/\(model)/refs/main"))
            let lookup = ModelLookup(
                root: folder, environment: variables.mapValues { $0.replacing("F", with: folder) })
            #expect(try lookup.folder(of: "cvssp/audioldm-l-full") == current)
            #expect(try lookup.folder(of: "audioldm-l-full") == current)
        }
    }

    @Test func aFolderIsTakenAsItIs() throws {
        try withTemporaryFolder { folder in
            let path = try place("sd", in: folder)
            #expect(try ModelLookup(root: "/nowhere", environment: [:]).folder(of: path) == path)
        }
    }

    private func failure(_ name: String, _ environment: [String: String] = [:]) -> String {
        do {
            let lookup = ModelLookup(root: "/nowhere", environment: environment)
            return try lookup.folder(of: name, textPart: true)
        } catch {
            return "\(error)"
        }
    }

    @Test func saysWhereItLookedAndWhatToDownload() {
        #expect(
            failure("cvssp/audioldm-l-full", ["HOME": "/h", "SOUTHGPT_CKPT": "/s"])
                == "cvssp/audioldm-l-full: no such model here, expected it in "
                + "/nowhere/ckpt/pretrained_ckpt/cvssp/audioldm-l-full or "
                + "/nowhere/ckpt/pretrained_ckpt/audioldm-l-full or "
                + "/nowhere/../ckpt/pretrained_ckpt/cvssp/audioldm-l-full or "
                + "/nowhere/../ckpt/pretrained_ckpt/audioldm-l-full or "
                + "/s/cvssp/audioldm-l-full or /s/audioldm-l-full or "
                + "/s/pretrained_ckpt/cvssp/audioldm-l-full or "
                + "/s/pretrained_ckpt/audioldm-l-full or "
                + "/h/.cache/huggingface/hub/models--cvssp--audioldm-l-full/snapshots/*. "
                + "Download https://huggingface.co/cvssp/audioldm-l-full (of it: "
                + "model_index.json, text_encoder/ and tokenizer/, about 0.5 GB) to "
                + "/nowhere/ckpt/pretrained_ckpt/cvssp/audioldm-l-full.")
        #expect(failure("me/mine").contains("https://huggingface.co/me/mine (its page says how"))
    }

    @Test(arguments: ["../up", "/no/where", "a/b/c", "", "a b", "~/x", "-x/y"])
    func whatIsNoHubNameIsAFolderThatIsNotThere(_ name: String) {
        #expect(failure(name).contains("Name a folder that has model_index.json"))
    }

    @Test func saysThatAFolderIsNotWhole() throws {
        try withTemporaryFolder { folder in
            #expect(failure(folder).contains("\(folder) is there, but not whole. Name a folder"))
        }
    }

    @Test func everyModelOfTheReadmeIsKnown() {
        let makers = [
            "runwayml/stable-diffusion-v1-5", "cvssp/audioldm-l-full",
            "cerspense/zeroscope_v2_576w",
        ]
        #expect(PublishedModel.all.filter { $0.modality != nil }.map(\.name) == makers)
        #expect(PublishedModel.named("l-full") == nil)
        #expect(PublishedModel.making(.video)?.name == makers[2])
    }
}
