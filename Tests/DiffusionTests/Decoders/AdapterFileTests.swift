import Diffusion
import ModelZoo
import TensorCore
import TestSupport
import Testing

/// Low-rank changes as diffusers adds them.
@Suite struct AdapterFileTests {
    @Test(arguments: ["kohya", "peft"])
    func filesOfBothNamesChangeTheDecoderAsTheOriginal(dialect: String) throws {
        let fixture = try Fixture("adapters")  // by adapters.py
        let path = Fixture.path("adapters_\(dialect).safetensors")
        try withTemporaryFolder { folder in
            _ = try TinyDecoder.write(.image, to: folder)
            let decoder = try MediaDecoder(
                folder: folder, adapters: [try AdapterFile(path, strength: 0.6)])
            let states = relativeError(
                try decoder.conditioning(prompt: ""), fixture["\(dialect).states"],
                of: "adapters of \(dialect), text states", original: fixture.source)
            #expect(states <= 1e-5)
            var options = DecoderOptions()
            (options.seed, options.steps, options.guidance) = (7, 3, 1)
            options.scheduler = .ddim
            let found = try decoder.generate(
                conditioning: recipeInput("gen", [1, 77, 24]), options: options)
            let error = relativeError(
                found, fixture["\(dialect).image"], of: "adapters of \(dialect), a picture",
                original: fixture.source)
            #expect(error <= 1e-4)
            // Nothing of it, and the change of another file on top.
            let none = try MediaDecoder(
                folder: folder, adapters: [try AdapterFile(path, strength: 0)])
            let plain = try MediaDecoder(folder: folder)
            #expect(
                try none.conditioning(prompt: "").floats()
                    == plain.conditioning(prompt: "").floats())
            let undone = try MediaDecoder(
                folder: folder,
                adapters: [try AdapterFile(path), try AdapterFile(path, strength: -1)])
            #expect(
                try undone.conditioning(prompt: "").isClose(
                    to: plain.conditioning(prompt: ""), absolute: 1e-5))
        }
    }

    /// PEFT's settings in diffusers' metadata: those that stand for kohya's α of 4 at rank 2.
    @Test(arguments: [
        #""unet.lora_alpha": 4, "text_encoder.lora_alpha": 4, "unet.use_rslora": false"#,
        #""unet.lora_alpha": 2.828427, "unet.use_rslora": true, "text_encoder.lora_alpha": 4"#,
        #"""
        "unet.lora_alpha": 1, "text_encoder.lora_alpha": 4, "unet.target_modules": ["to_q"],
        "unet.alpha_pattern": {"to_q": 4, "0": 4, "to_k": 4, "proj_in": 4, "to_v": 4, "proj": 4}
        """#,
    ])
    func scalesOfTheMetadataCount(settings: String) throws {
        let fixture = try Fixture("adapters")
        let peft = try Checkpoint(contentsOf: Fixture.path("adapters_peft.safetensors"))
        try withTemporaryFolder { folder in
            _ = try TinyDecoder.write(.image, to: folder)
            let file = "\(folder)/lora.safetensors"
            try Safetensors.write(
                peft.tensors.map { (name: $0.name, value: try $0.tensor()) },
                metadata: ["lora_adapter_metadata": "{\(settings)}"], to: file)
            let decoder = try MediaDecoder(
                folder: folder, adapters: [try AdapterFile(file, strength: 0.6)])
            #expect(
                relativeError(
                    try decoder.conditioning(prompt: ""), fixture["kohya.states"],
                    of: "adapters, scaled by metadata, text states", original: fixture.source)
                    <= 1e-5)
            var options = DecoderOptions()
            (options.seed, options.steps, options.guidance) = (7, 3, 1)
            options.scheduler = .ddim
            let found = try decoder.generate(
                conditioning: recipeInput("gen", [1, 77, 24]), options: options)
            #expect(
                relativeError(
                    found, fixture["kohya.image"],
                    of: "adapters, scaled by metadata, a picture", original: fixture.source)
                    <= 1e-4)
            try Safetensors.write(
                [(name: "a", value: Tensor.zeros([1]))],
                metadata: ["lora_adapter_metadata": "["], to: file)
            let error = #expect(throws: CheckpointError.self) { try AdapterFile(file) }
            #expect("\(try #require(error))".contains("'lora_adapter_metadata' cannot be"))
        }
    }

    @Test func refusesFilesThatDoNotFit() throws {
        try withTemporaryFolder { folder in
            _ = try TinyDecoder.write(.image, to: folder)
            let file = "\(folder)/lora.safetensors"
            func refusal(_ tensors: [(String, Shape)], strength: Float = 1) throws -> String {
                try Safetensors.write(
                    tensors.map { (name: $0.0, value: Tensor.zeros($0.1)) }, to: file)
                let error = #expect(throws: AdapterError.self) {
                    try MediaDecoder(
                        folder: folder, adapters: [AdapterFile(file, strength: strength)])
                }
                return "\(try #require(error))"
            }
            #expect(
                try refusal([("conv_in.weight", [4, 4])])
                    == "\(file): 'conv_in.weight' is no low-rank change of a UNet or a text "
                    + "encoder, expected names of diffusers, PEFT or kohya. Is it a LoRA file for "
                    + "Stable Diffusion 1.x?")
            #expect(
                try refusal([("unet.conv_in.lora_A.weight", [2, 4])])
                    == "\(file): 'unet.conv_in' has only one of its two matrices. Was the "
                    + "download complete?")
            #expect(
                try refusal([
                    ("unet.other.lora_A.weight", [2, 4]), ("unet.other.lora_B.weight", [4, 2]),
                ])
                    == "\(file): changes 1 layers that the unet does not have, such as 'other'. "
                    + "Was it trained for another model?")
            #expect(
                try refusal([
                    ("unet.conv_in.lora_A.weight", [2, 4]), ("unet.conv_in.lora_B.weight", [4, 2]),
                ])
                    == "\(file): 'conv_in' has matrices of shapes [4, 2] and [2, 4], expected a "
                    + "product of [32, 4, 3, 3]. Was it trained for another model?")
            #expect(
                try refusal([], strength: .nan)
                    == "\(file): the strength is nan, expected −100 to 100. Most are made for 1.")
        }
    }
}
