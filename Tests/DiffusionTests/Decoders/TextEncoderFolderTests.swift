import Diffusion
import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

/// Captions to embeddings through a folder's own files, against the original element by element.
@Suite struct TextEncoderFolderTests {
    private struct Expected: Decodable {
        struct Encoder: Decodable {
            var clip: CLIPTextConfig?
            var clap: CLAPTextConfig?
            var padding: String?
        }
        let image: Encoder
        let video: Encoder
        let audio: Encoder
        let captions: [String]

        subscript(modality: Modality) -> Encoder {
            switch modality {
            case .image: image
            case .video: video
            case .audio: audio
            }
        }
    }

    private func write(
        _ encoder: Expected.Encoder, _ modality: Modality, to folder: String, seed: String = ""
    ) throws {
        let files = FileManager.default
        let text = "\(folder)/text_encoder"
        try files.createDirectory(atPath: text, withIntermediateDirectories: true)
        let pipelines: [Modality: String] = [
            .image: "StableDiffusionPipeline", .video: "TextToVideoSDPipeline",
            .audio: "AudioLDMPipeline",
        ]
        try Data("{\"_class_name\": \"\(pipelines[modality] ?? "")\"}".utf8).write(
            to: URL(filePath: "\(folder)/model_index.json"))
        let view = Weights.shapesOnly()
        if let clip = encoder.clip {
            _ = try CLIPTextModel(clip, from: view)
            try ConfigFile.write(clip, to: "\(text)/config.json")
        }
        if let clap = encoder.clap {
            _ = try CLAPTextModel(clap, from: view)
            try ConfigFile.write(clap, to: "\(text)/config.json")
        }
        try Safetensors.write(
            view.parameters.map {
                ($0.name, recipeWeight(seed + $0.name, $0.value.shape))
            }, to: "\(text)/model.safetensors")
        try? files.removeItem(atPath: "\(folder)/tokenizer")
        try files.copyItem(
            atPath: Fixture.path("tokenizing/\(modality == .audio ? "roberta" : "clip")"),
            toPath: "\(folder)/tokenizer")
        if let padding = encoder.padding {
            let map = "\(folder)/tokenizer/special_tokens_map.json"
            let old = try String(contentsOfFile: map, encoding: .utf8)
            try old.replacing(
                "\"pad_token\": \"<|endoftext|>\"", with: "\"pad_token\": \"\(padding)\""
            ).write(toFile: map, atomically: true, encoding: .utf8)
        }
    }

    @Test(arguments: Modality.allCases)
    func embedsCaptionsAsTheOriginal(modality: Modality) throws {
        let fixture = try Fixture("caption_embeddings")
        let expected = try fixture.config(Expected.self)
        try withTemporaryFolder { folder in
            try write(expected[modality], modality, to: folder)
            let encoder = try TextEncoderFolder(folder)
            #expect(encoder.modality == modality)
            #expect(!encoder.isHeldAgainstUNet)
            let together = try encoder.prompts(expected.captions)
            for (index, caption) in expected.captions.enumerated() {
                #expect(together[index].shape == encoder.config.conditioningShape)
                let error = relativeError(
                    together[index], fixture[modality.rawValue][index],
                    of: "captions for \(modality.rawValue)", original: fixture.source)
                #expect(error < 1e-5, "caption \(index): \(error)")
                // A batch of captions of all lengths, one of them cut, gives each its own.
                let alone = try encoder.prompts(caption)
                #expect(together[index].isClose(to: alone, absolute: 2e-6))
                #expect(encoder.prompts.isTooLong(caption) == (index == 2))
            }
            #expect(try encoder.prompts([]).isEmpty)
        }
    }

    @Test func aCaptionOfTheLastLengthIsNotTooLong() throws {
        let expected = try Fixture("caption_embeddings").config(Expected.self)
        try withTemporaryFolder { folder in
            try write(expected.image, .image, to: folder)
            let prompts = try TextEncoderFolder(folder).prompts
            #expect(prompts.maxTokens == 77)
            #expect(!prompts.isTooLong(String(repeating: "! ", count: 75)))
            #expect(prompts.isTooLong(String(repeating: "! ", count: 76)))
            #expect(!prompts.isTooLong(""))
        }
    }

    @Test func theFingerprintTellsWeightsApartAndNotFormats() throws {
        let expected = try Fixture("caption_embeddings").config(Expected.self)
        try withTemporaryFolder { folder in
            try write(expected.image, .image, to: folder)
            let first = try TextEncoderFolder(folder).fingerprint
            #expect(first.count == 12)
            let file = "\(folder)/text_encoder/model.safetensors"
            let tensors = try Checkpoint(contentsOf: file).tensors.map {
                ($0.name, try $0.tensor())
            }
            try PyTorchArchive.write(tensors, to: "\(folder)/text_encoder/pytorch_model.bin")
            try FileManager.default.removeItem(atPath: file)
            #expect(try TextEncoderFolder(folder).fingerprint == first)
            try write(expected.image, .image, to: folder, seed: "other")
            #expect(try TextEncoderFolder(folder).fingerprint != first)
        }
    }

    @Test func holdsItsWidthAgainstTheUNet() throws {
        let expected = try Fixture("caption_embeddings").config(Expected.self)
        let unet = try #require(
            try Fixture("decoders").config([String: TinyDecoder].self)["image"]
        ).unet
        try withTemporaryFolder { folder in
            try write(expected.image, .image, to: folder)
            try FileManager.default.createDirectory(
                atPath: "\(folder)/unet", withIntermediateDirectories: true)
            try ConfigFile.write(unet, to: "\(folder)/unet/config.json")
            let error = #expect(throws: DecoderError.self) { try TextEncoderFolder(folder) }
            #expect(
                "\(try #require(error))"
                    == "\(folder): its text encoder (CLIP) gives conditions 16 wide, and its UNet "
                    + "takes them 24 wide. Are both folders of the same release?")
        }
    }
}
