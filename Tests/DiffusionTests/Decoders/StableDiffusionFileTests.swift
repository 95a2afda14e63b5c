import Diffusion
import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

/// Single files with the names of the first program.
@Suite struct StableDiffusionFileTests {
    /// A tensor's name in diffusers' folders, and its shape.
    private struct Entry: Decodable {
        let name: String
        let shape: Shape

        init(from decoder: any Decoder) throws {
            var values = try decoder.unkeyedContainer()
            name = try values.decode(String.self)
            shape = try values.decode(Shape.self)
        }
    }

    private let clip = CLIPTextConfig(
        vocabSize: 514, hiddenSize: 64, intermediateSize: 128, numHiddenLayers: 2,
        numAttentionHeads: 1, maxPositionEmbeddings: 77, hiddenAct: "quick_gelu")

    /// All tensors of a tiny file, values by recipe of the names in folders.
    private func tensors(averages: Bool = false) throws -> [(name: String, value: Tensor)] {
        let file = try Data(contentsOf: URL(filePath: Fixture.path("single_file.json")))
        let table = try JSONDecoder().decode([String: [String: Entry]].self, from: file)
        var tensors: [(name: String, value: Tensor)] = [("betas", Tensor.zeros([4]))]
        for (old, entry) in try #require(table["unet"]).sorted(by: { $0.key < $1.key }) {
            let value = recipeWeight(entry.name, entry.shape)
            let name = "model.diffusion_model.\(old)"
            tensors.append((name, averages ? Tensor.zeros(entry.shape) : value))
            if averages {
                tensors.append(
                    ("model_ema.diffusion_model" + old.filter { $0 != "." }, value))
            }
        }
        for (old, entry) in try #require(table["vae"]).sorted(by: { $0.key < $1.key }) {
            // Attention is made of 1×1 convolutions there.
            let value = recipeWeight(entry.name, entry.shape)
            let isMatrix = entry.shape.count == 2
            tensors.append(
                (
                    "first_stage_model.\(old)",
                    isMatrix ? value.unsqueezed(-1).unsqueezed(-1) : value
                ))
        }
        let text = Weights.shapesOnly()
        _ = try CLIPTextModel(clip, from: text)
        for parameter in text.parameters {
            tensors.append(
                (
                    "cond_stage_model.transformer.\(parameter.name)",
                    recipeWeight(parameter.name, parameter.value.shape)
                ))
        }
        tensors.append(
            (
                "cond_stage_model.transformer.text_model.embeddings.position_ids",
                Tensor.zeros([1, 77])
            ))
        return tensors
    }

    @Test(arguments: ["plain.safetensors", "averages.safetensors", "plain.ckpt"])
    func tinyFilesAreReadWhole(name: String) throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/\(name)"
            let tensors = try tensors(averages: name.hasPrefix("averages"))
            if name.hasSuffix("ckpt") {
                try PyTorchArchive.write(tensors, to: path)
            } else {
                try Safetensors.write(tensors, to: path)
            }
            try FileManager.default.createDirectory(
                atPath: "\(folder)/tokenizer", withIntermediateDirectories: true)
            try TinyDecoder.writeVocabulary(.image, to: "\(folder)/tokenizer")
            #expect(MediaDecoder.isDecoder(at: path))
            let decoder = try MediaDecoder(folder: path)
            let config = decoder.config
            #expect(config.unet.blockOutChannels == [32, 64, 64])
            #expect(
                config.unet.downBlockTypes
                    == ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"])
            #expect((config.unet.layers, config.unet.contextSize) == (2, 64))
            #expect(config.vae.blockOutChannels == [32, 64])
            #expect(config.textEncoder == .clip(clip))
            #expect(config.scheduler == .published(.image))
            // The same networks by the names of folders.
            let reference = try TinyDecoder.decoder(config) { prompt, length in
                let bytes = prompt.utf8.map { Int($0) - 33 }
                let end = bytes.isEmpty ? [] : bytes.dropLast() + [bytes[bytes.count - 1] + 256]
                let ids = [512] + end + [513]
                return ids + [Int](repeating: 513, count: length - ids.count)
            }.decoder
            let condition = try decoder.conditioning(prompt: "rain")
            #expect(try condition.floats() == reference.conditioning(prompt: "rain").floats())
            var options = DecoderOptions()
            (options.steps, options.height, options.width) = (2, 16, 16)
            #expect(
                try decoder.generate(conditioning: condition, options: options).floats()
                    == reference.generate(conditioning: condition, options: options).floats())
        }
    }

    @Test func aFileWithoutItsVocabularySaysWhereItWasLookedFor() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/model.safetensors"
            try Safetensors.write(tensors(), to: path)
            let error = #expect(throws: DecoderError.self) {
                try MediaDecoder(folder: path, vocabularies: ["\(folder)/other"])
            }
            #expect(
                "\(try #require(error))"
                    == "\(path): its vocabulary is missing: vocab.json and merges.txt are not in "
                    + "\(folder)/tokenizer or \(folder) or \(folder)/other. Put those of "
                    + "openai/clip-vit-large-patch14 (1.6 MB) into a folder 'tokenizer' beside it.")
        }
    }

    @Test(arguments: [
        ("conditioner.embedders.0.x", "Stable Diffusion XL"),
        ("cond_stage_model.model.x", "Stable Diffusion 2"),
        ("model.diffusion_model.joint_blocks.0.x", "Stable Diffusion 3"),
        ("model.diffusion_model.double_blocks.0.x", "FLUX"),
        ("lora_unet_x.lora_up.weight", "adapters (LoRA) without the network that they change"),
        ("first_stage_model.decoder.x", "weights without a UNet"),
    ])
    func otherFamiliesAreToldByTheirNames(name: String, family: String) throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/model.safetensors"
            try Safetensors.write([(name: name, value: Tensor.zeros([1]))], to: path)
            #expect(MediaDecoder.isDecoder(at: path))
            let error = #expect(throws: DecoderError.self) { try MediaDecoder(folder: path) }
            #expect(
                "\(try #require(error))"
                    == "\(path): holds \(family), expected Stable Diffusion 1.x. Name a file or "
                    + "folder of it, such as v1-5-pruned-emaonly.safetensors.")
        }
    }
}
