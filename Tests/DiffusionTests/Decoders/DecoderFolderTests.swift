import Diffusion
import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

@Suite struct DecoderFolderTests {
    @Test(arguments: Modality.allCases)
    func everyFolderOpensAndFollowsAPrompt(modality: Modality) throws {
        try withTemporaryFolder { folder in
            let config = try TinyDecoder.write(modality, to: folder)
            let decoder = try MediaDecoder(folder: folder)
            #expect(decoder.config == config)
            let condition = try decoder.conditioning(prompt: "a slow violin")
            #expect(condition.shape == config.conditioningShape)
            var options = DecoderOptions()
            (options.steps, options.frames, options.audioSeconds) = (2, 2, 0.02)
            options.negativePrompt = "noise"
            let medium = try decoder.generate(conditioning: condition, options: options)
            let shapes: [Modality: Shape] = [
                .image: [3, 16, 16], .audio: [320], .video: [2, 3, 16, 16],
            ]
            #expect(medium.shape == shapes[modality])
            let range: ClosedRange<Float> = modality == .audio ? -1...1 : 0...1
            #expect(medium.floats().allSatisfy(range.contains))
        }
    }

    @Test func aMissingComponentIsNamedWithItsPath() throws {
        try withTemporaryFolder { folder in
            _ = try TinyDecoder.write(.audio, to: folder)
            try FileManager.default.removeItem(atPath: "\(folder)/vocoder")
            let error = #expect(throws: DecoderError.self) { try MediaDecoder(folder: folder) }
            #expect(
                "\(try #require(error))"
                    == "\(folder)/vocoder: the decoder's vocoder is missing, expected config.json "
                    + "with model.safetensors or pytorch_model.bin. Was the whole folder "
                    + "downloaded?")
        }
    }

    @Test func missingWeightsAreNamedWithWhatWasLookedFor() throws {
        try withTemporaryFolder { folder in
            _ = try TinyDecoder.write(.image, to: folder)
            let path = "\(folder)/vae/diffusion_pytorch_model"
            let (plain, half) = ("\(path).safetensors", "\(path).fp16.safetensors")
            try FileManager.default.moveItem(atPath: plain, toPath: half)
            _ = try MediaDecoder(folder: folder)
            try FileManager.default.removeItem(atPath: half)
            let error = #expect(throws: CheckpointError.self) { try MediaDecoder(folder: folder) }
            let text = "\(try #require(error))"
            #expect(text.hasPrefix("\(folder)/vae: "))
            #expect(text.contains("diffusion_pytorch_model.safetensors"))
        }
    }

    @Test func otherPipelinesAndMismatchedPartsAreRefused() throws {
        try withTemporaryFolder { folder in
            let config = try TinyDecoder.write(.image, to: folder)
            var other = config.vae
            other.latentChannels = 8
            try ConfigFile.write(other, to: "\(folder)/vae/config.json")
            #expect(
                throws: DecoderError.incompatible(
                    decoder: folder, what: "UNet input channels", found: 4, expected: 8)
            ) { try DecoderConfig(folder: folder) }
            let index = "\(folder)/model_index.json"
            try Data(#"{"_class_name": "FluxPipeline"}"#.utf8).write(to: URL(filePath: index))
            let error = #expect(throws: DecoderError.self) { try DecoderConfig(folder: folder) }
            #expect("\(try #require(error))".contains("'FluxPipeline' is not supported"))
            try Data("[".utf8).write(to: URL(filePath: index))
            #expect(throws: ConfigError.self) { try DecoderConfig(folder: folder) }
        }
    }

    @Test func otherFamiliesAreToldByName() throws {
        try withTemporaryFolder { folder in
            var config = try TinyDecoder.write(.image, to: folder)
            func refusal() throws -> String {
                let error = #expect(throws: DecoderError.self) { try MediaDecoder(folder: folder) }
                return "\(try #require(error))"
            }
            config.unet.crossAttentionDim = 1024
            try ConfigFile.write(config.unet, to: "\(folder)/unet/config.json")
            #expect(
                try refusal()
                    == "\(folder)/model_index.json: holds Stable Diffusion 2, expected Stable "
                    + "Diffusion 1.x. Name a file or folder of it, such as "
                    + "v1-5-pruned-emaonly.safetensors.")
            let index = "\(folder)/model_index.json"
            try Data(#"{"_class_name": "StableDiffusionXLPipeline"}"#.utf8).write(
                to: URL(filePath: index))
            #expect(try refusal().hasPrefix("\(index): holds Stable Diffusion XL, expected "))
            // XL's UNet among the parts of Stable Diffusion 1.
            config = try TinyDecoder.write(.image, to: folder)
            config.unet.crossAttentionDim = 2048
            try ConfigFile.write(config.unet, to: "\(folder)/unet/config.json")
            #expect(
                try refusal().hasPrefix(
                    "\(folder)/unet/config.json: holds the UNet of Stable Diffusion XL, expected "))
        }
    }

    @Test func schedulersAndNetworksOfOtherClassesAreRefused() throws {
        try withTemporaryFolder { folder in
            _ = try TinyDecoder.write(.image, to: folder)
            func refusal() throws -> String {
                let error = #expect(throws: (any Error).self) { try MediaDecoder(folder: folder) }
                return "\(try #require(error))"
            }
            let file = "\(folder)/scheduler/scheduler_config.json"
            let whole = try Data(contentsOf: URL(filePath: file))
            let other = String(decoding: whole, as: UTF8.self).replacing(
                "PNDMScheduler", with: "HeunDiscreteScheduler")
            try Data(other.utf8).write(to: URL(filePath: file))
            #expect(
                try refusal()
                    == "\(file): the scheduler 'HeunDiscreteScheduler' is not supported, expected "
                    + "DDIMScheduler, PNDMScheduler, DPMSolverMultistepScheduler, "
                    + "EulerDiscreteScheduler, EulerAncestralDiscreteScheduler, "
                    + "UniPCMultistepScheduler, LCMScheduler. Is it the right folder?")
            try whole.write(to: URL(filePath: file))
            // The UNet of a clip's decoder among the parts of an image's.
            let index = "\(folder)/model_index.json"
            let entries = String(
                decoding: try Data(contentsOf: URL(filePath: index)), as: UTF8.self)
            try Data(
                entries.replacing("UNet2DConditionModel", with: "UNet3DConditionModel").utf8
            ).write(to: URL(filePath: index))
            #expect(
                try refusal()
                    == "\(index): the unet 'UNet3DConditionModel' is not supported, expected "
                    + "UNet2DConditionModel. Is it the right folder?")
            // Where the index says nothing of it, the network's own file does.
            try Data(entries.utf8).write(to: URL(filePath: index))
            let unet = "\(folder)/unet/config.json"
            let own = try String(contentsOfFile: unet, encoding: .utf8)
            try Data(
                own.replacing(
                    "{\n", with: "{\n \"_class_name\": \"UNetMotionModel\",\n", maxReplacements: 1
                )
                .utf8
            ).write(to: URL(filePath: unet))
            #expect(
                try refusal()
                    == "\(unet): the unet 'UNetMotionModel' is not supported, expected "
                    + "UNet2DConditionModel. Is it the right folder?")
        }
    }

    @Test func valuesThatAreNotKnownAreToldByTheirKeys() throws {
        try withTemporaryFolder { folder in
            var config = try TinyDecoder.write(.image, to: folder)
            func refusal() throws -> String {
                let error = #expect(throws: ConfigError.self) { try MediaDecoder(folder: folder) }
                return "\(try #require(error))"
            }
            config.unet.additionEmbedType = "text_time"
            try ConfigFile.write(config.unet, to: "\(folder)/unet/config.json")
            #expect(
                try refusal()
                    == "config.json of the UNet in \(folder): 'addition_embed_type' is text_time, "
                    + "expected null. Is it the file of a supported release?")
            let file = "\(folder)/scheduler/scheduler_config.json"
            for (text, reason) in [
                ("{}", "lacks the key '_class_name'"),
                (
                    #"{"_class_name": "DDIMScheduler", "beta_schedule": "sigmoid"}"#,
                    "has a value at 'beta_schedule' that is not known"
                ),
                ("{\"", "is not valid JSON"),
            ] {
                try Data(text.utf8).write(to: URL(filePath: file))
                #expect(
                    try refusal() == "\(file): \(reason). Is the file whole, and of this release?")
            }
        }
    }

    @Test(arguments: [
        (Modality.image, "unet", "conv_out.bias", 0), (.image, "vae", "decoder.conv_out.bias", 4),
        (.audio, "vocoder", "conv_post.bias", 3), (.video, "vae", "decoder.conv_in.bias", 3),
    ])
    func answersThatAreNoNumbersAreNotShown(
        modality: Modality, component: String, tensor: String, steps: Int
    ) throws {
        try withTemporaryFolder { folder in
            _ = try TinyDecoder.write(modality, to: folder)
            let whole = try Checkpoint(folder: "\(folder)/\(component)")
            let tensors = try whole.tensors.map { stored in
                let value = try stored.tensor()
                return (
                    name: stored.name,
                    value: stored.name == tensor ? Tensor.full(value.shape, .nan) : value.dense()
                )
            }
            try FileManager.default.removeItem(atPath: whole.file)
            try Safetensors.write(tensors, to: whole.file)
            let decoder = try MediaDecoder(folder: folder)
            var options = DecoderOptions()
            (options.steps, options.frames, options.audioSeconds) = (3, 2, 0.1)
            let condition = try decoder.conditioning(prompt: "")
            var last = 0
            let error = #expect(throws: DecoderError.self) {
                try decoder.generate(conditioning: condition, options: options) { step in
                    last = step.index
                }
            }
            #expect(
                "\(try #require(error))"
                    == "\(modality.rawValue) decoder: the network's answer is not finite. Are its "
                    + "weights those of its config.json?")
            // A UNet's is found at once, not after hours.
            #expect(last == steps)
        }
    }

    @Test func aVariantThatNoPartHasIsRefused() throws {
        try withTemporaryFolder { folder in
            _ = try TinyDecoder.write(.image, to: folder)
            let error = #expect(throws: DecoderError.self) {
                try MediaDecoder(folder: folder, variant: "fp16")
            }
            #expect(
                "\(try #require(error))"
                    == "\(folder): no part of it has weights of the variant 'fp16', expected such "
                    + "as unet/diffusion_pytorch_model.fp16.safetensors. Leave the variant out, or "
                    + "download its files.")
            // One part is enough: the others are as good in their plain form.
            let vae = "\(folder)/vae/diffusion_pytorch_model"
            try FileManager.default.moveItem(
                atPath: "\(vae).safetensors", toPath: "\(vae).fp16.safetensors")
            #expect(try MediaDecoder(folder: folder, variant: "fp16").modality == .image)
        }
    }

    @Test(.enabled(if: TestData.has("published-configs/stable-diffusion-v1-5/model_index.json")))
    func publishedConfigurationsAreUnderstood() throws {
        func config(_ name: String) throws -> DecoderConfig {
            try DecoderConfig(folder: TestData.path("published-configs/\(name)"))
        }
        let image = try config("stable-diffusion-v1-5")
        #expect(image.modality == .image)
        #expect(image.conditioningShape == [77, 768])
        #expect(image.scheduler.kind == .pndm)
        let picture = try DecoderRequest(DecoderOptions(), for: image)
        #expect(picture.latentShape == [1, 4, 64, 64])
        #expect((picture.steps, picture.guidance) == (50, 7.5))
        #expect(try image.scheduler.scheduler(steps: 50).timesteps.count == 51)

        let audio = try config("audioldm-s-full-v2")
        #expect(audio.modality == .audio)
        #expect(audio.conditioningShape == [512])
        let sound = try DecoderRequest(DecoderOptions(), for: audio)
        #expect(sound.latentShape == [1, 8, 128, 16])
        #expect(sound.samples == 81920)

        let video = try config("text-to-video-ms-1.7b")
        #expect(video.modality == .video)
        #expect(video.conditioningShape == [77, 1024])
        let clip = try DecoderRequest(DecoderOptions(), for: video)
        #expect(clip.latentShape == [1, 4, 16, 32, 32])
    }

    @Test(.enabled(if: TestData.has("published-configs/stable-diffusion-v1-5/model_index.json")))
    func publishedDecodersHaveTheirPublishedSizes() throws {
        // Section 2.3 of the specification: tensors of the UNet, VAE and text encoder.
        for (name, counts) in [
            ("stable-diffusion-v1-5", [686, 248, 196]),
            ("audioldm-s-full-v2", [690, 204, 203]),
            ("text-to-video-ms-1.7b", [1480, 248, 372]),
        ] {
            let folder = TestData.path("published-configs/\(name)")
            var views: [DecoderComponent: Weights] = [:]
            _ = try MediaDecoder(DecoderConfig(folder: folder), tokenize: { _, _ in [] }) {
                let view = Weights.shapesOnly()
                views[$0] = view
                return view
            }
            let found = [DecoderComponent.unet, .vae, .textEncoder].map {
                views[$0]?.parameters.count
            }
            #expect(found == counts, "\(name)")
        }
    }

    /// Section 15.1 of the specification: multiplications and additions by network.
    @Test(.enabled(if: TestData.has("published-configs/stable-diffusion-v1-5/model_index.json")))
    func theWorkOfARunIsForeseen() throws {
        let folder = TestData.path("published-configs/stable-diffusion-v1-5")
        let decoder = try MediaDecoder(
            DecoderConfig(folder: folder), tokenize: { _, _ in [] }
        ) { _ in .shapesOnly() }
        let plan = try decoder.plan(for: DecoderOptions())
        #expect(plan.steps == 51)
        #expect(abs(plan.operationsPerStep / (2 * 803.2e9) - 1) < 0.01)
        #expect(abs(plan.otherOperations / 2514.6e9 - 1) < 0.01)
        // At 100 GFLOP/s: fourteen minutes.
        #expect(abs(plan.seconds(operationsPerSecond: 100e9) - 844) < 10)
        var tiled = DecoderOptions()
        (tiled.height, tiled.width) = (1024, 1024)
        let whole = try decoder.bytesNeeded(for: tiled)
        tiled.tilesVAE = true
        #expect(try decoder.bytesNeeded(for: tiled) < whole / 2)
    }
}
