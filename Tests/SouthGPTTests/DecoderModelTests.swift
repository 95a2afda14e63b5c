import Diffusion
import Foundation
import MediaIO
import ModelTestSupport
import ModelZoo
import SouthGPT
import TensorCore
import TestSupport
import Testing

/// Decoders by themselves.
@Suite struct DecoderModelTests {
    private func decoder(_ name: String) -> String { "\(TinyFolder.path)/pretrained_ckpt/\(name)" }

    private func request(_ change: (inout MediumRequest) -> Void = { _ in }) -> MediumRequest {
        var request = MediumRequest("a slow violin")
        (request.options.imageSteps, request.options.audioSteps) = (3, 3)
        (request.options.videoSteps, request.options.frames) = (3, 2)
        request.options.audioSeconds = 0.29
        change(&request)
        return request
    }

    @Test(arguments: [
        ("stable-diffusion-tiny", Modality.image), ("audioldm-tiny", .audio),
        ("zeroscope-tiny", .video),
    ])
    func aFolderOfDiffusersMakesItsMedium(name: String, modality: Modality) throws {
        #expect(DecoderModel.isAlone(at: decoder(name)))
        let model = try DecoderModel(decoder(name))
        #expect(model.modality == modality)
        var steps: [Int] = []
        var previews: [Int] = []
        var layers = 0
        var seconds = 0.0
        let media = try model.media(
            for: request { request in
                request.previewEvery = 2
                request.framesPerSecond = 12
            }
        ) { progress in
            switch progress {
            case .began(let plan, let estimate):
                #expect(steps.isEmpty && plan.steps == (modality == .image ? 4 : 3))
                #expect(plan.operationsPerStep > 1e6 && plan.peakBytes > 0)
                seconds = estimate
            case .step(let index, let count):
                #expect(count == (modality == .image ? 4 : 3))
                steps.append(index)
            case .preview(let picture, let step):
                #expect((picture.width, picture.height) == (16, 16))
                previews.append(step)
            }
        } onLayer: {
            layers += 1
        }
        #expect(steps == Array(1...(modality == .image ? 4 : 3)))
        #expect(previews == (modality == .audio ? [] : [2]))
        #expect(layers > 8 * steps.count && seconds > 0)
        let medium = try #require(media.first)
        switch modality {
        case .image: #expect(medium.content.shape == [3, 64, 64])
        case .audio: #expect(medium.content.shape == [4640] && medium.sampleRate == 16_000)
        case .video:
            #expect(medium.content.shape == [2, 3, 64, 64] && medium.framesPerSecond == 12)
        }
        #expect(medium.isFlagged == nil)
    }

    @Test func aPictureIsMadeAgainFromItsFile() throws {
        try withTemporaryFolder { folder in
            let model = try DecoderModel(decoder("stable-diffusion-tiny"))
            let path = "\(folder)/a.png"
            let first = try model.media(
                for: request { request in
                    request.prompt = "rain, \"grün\"\nSteps: 7"
                    request.options.negativePrompt = "sun"
                    request.options.scheduler = .eulerAncestral
                    request.options.seed = 40
                    request.options.guidance = 4.5
                    (request.options.height, request.options.width) = (32, 48)
                    request.count = 2
                })
            try first[1].write(to: path)
            let parameters = try MediumParameters(png: path)
            #expect(parameters.seed == 41)
            #expect(parameters.prompt == "rain, \"grün\"\nSteps: 7")
            #expect(
                try PNGText.read(path)["parameters"]
                    == "rain, \"grün\"\nSteps: 7\nNegative prompt: sun\nSteps: 3, Sampler: "
                    + "EulerAncestralDiscreteScheduler, CFG scale: 4.5, Seed: 41, Size: 48x32")
            let again = try model.media(for: parameters.request)
            #expect(again.count == 1)
            // A batch of two and one alone may round differently in the last digit.
            #expect(again[0].content.isClose(to: first[1].content, absolute: 1e-4))
            // Alone, byte for byte.
            try again[0].write(to: "\(folder)/b.png")
            try model.media(for: MediumParameters(png: "\(folder)/b.png").request)[0]
                .write(to: "\(folder)/c.png")
            #expect(
                try Data(contentsOf: URL(filePath: "\(folder)/b.png"))
                    == Data(contentsOf: URL(filePath: "\(folder)/c.png")))
        }
    }

    @Test func aPictureTellsTheTypeOfItsWeightsAndItsLevelsOfNoise() throws {
        try withTemporaryFolder { folder in
            let model = try DecoderModel(decoder("stable-diffusion-tiny"), weights: "q8_0")
            func parameters(karras: Bool?) throws -> (MediumParameters, String) {
                let path = "\(folder)/\(karras == true).png"
                try model.media(
                    for: request { request in
                        request.options.scheduler = .dpmSolver
                        request.options.karrasSigmas = karras
                    })[0].write(to: path)
                return (try MediumParameters(png: path), try PNGText.read(path)["parameters"] ?? "")
            }
            let (plain, plainText) = try parameters(karras: nil)
            let (karras, text) = try parameters(karras: true)
            #expect(karras.weights == "q8_0" && karras.variant == nil)
            #expect(karras.request.options.karrasSigmas == true)
            #expect(plain.request.options.karrasSigmas == nil)
            #expect(text == plainText + ", Schedule type: Karras")
            let pictures = try [true, false].map { try RGBImage(contentsOf: "\(folder)/\($0).png") }
            #expect(pictures[0].pixels != pictures[1].pixels)
        }
    }

    @Test func picturesWithoutParametersSaySo() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.png"
            try writePNG(Tensor.zeros([3, 8, 8]), to: path)
            #expect(throws: MediumParameters.Absent.noParameters(file: path)) {
                try MediumParameters(png: path)
            }
            let picture = RGBImage(Tensor.zeros([3, 8, 8]))
            try picture.writePNG(to: path, texts: [("southgpt", "{}")])
            let error = #expect(throws: MediumParameters.Absent.self) {
                try MediumParameters(png: path)
            }
            #expect(
                "\(try #require(error))"
                    == "\(path): its parameters cannot be understood, expected those of a PNG that "
                    + "this program wrote. Was it made by a newer one?")
            #expect(
                "\(MediumParameters.Absent.noParameters(file: path))"
                    == "\(path): has no parameters of this program, expected a PNG that it wrote. "
                    + "Did another program save it again?")
        }
    }

    @Test func aPictureIsChangedWhereItsMaskIsBright() throws {
        try withTemporaryFolder { folder in
            let (picture, mask) = ("\(folder)/picture.png", "\(folder)/mask.png")
            try writePNG(recipeInput("p", [3, 66, 64], scale: 1) + 0.5, to: picture)
            try writePNG(Tensor.zeros([3, 10, 10]), to: mask)
            let model = try DecoderModel(decoder("stable-diffusion-tiny"))
            let changed = try model.media(
                for: request { request in
                    request.picture = picture
                    request.strength = 0.7
                })
            // As large as the picture, in multiples of eight.
            #expect(changed[0].content.shape == [3, 64, 64])
            let kept = try model.media(
                for: request { request in
                    (request.picture, request.mask) = (picture, mask)
                })
            let other = try model.media(
                for: request { request in
                    request.prompt = "another"
                    (request.picture, request.mask) = (picture, mask)
                })
            // Nowhere bright: the prompt changes nothing.
            #expect(kept[0].content.floats() == other[0].content.floats())
            #expect(kept[0].content.floats() != changed[0].content.floats())
        }
    }

    @Test func whatCannotBeAskedForIsToldBeforeAnyWork() throws {
        func refusal(
            _ name: String = "stable-diffusion-tiny", _ change: (inout MediumRequest) -> Void
        ) throws -> String {
            let model = try DecoderModel(decoder(name))
            let error = #expect(throws: (any Error).self) {
                try model.media(for: request(change)) { _ in Issue.record("work began") }
            }
            return "\(try #require(error))"
        }
        #expect(
            try refusal { $0.options.height = 33 }
                == "height is 33, expected a multiple of 4 up to 8192. Ask for another value.")
        #expect(
            try refusal("zeroscope-tiny") { $0.options.frames = 0 }
                == "frames is 0, expected 1 to 1024. Ask for another value.")
        #expect(
            try refusal("audioldm-tiny") { $0.options.audioSeconds = 0 }
                == "audio seconds is 0.0, expected 0.04 to 600. Ask for another value.")
        #expect(
            try refusal { $0.options.guidance = -1 }
                == "guidance is -1.0, expected 0 to 1000. Ask for another value.")
        #expect(
            try refusal { $0.options.imageSteps = 0 }
                == "0 denoising steps, expected 1 to 1000. Ask for another number of steps.")
        #expect(
            try refusal { $0.count = 0 }
                == "the number of media is 0, expected 1 to 64. Ask for another value.")
        #expect(
            try refusal { $0.options.eta = 2 }
                == "eta is 2.0, expected 0 to 1. Ask for another value.")
        #expect(
            try refusal { request in
                (request.options.scheduler, request.options.karrasSigmas) = (.ddim, true)
            }
                == "the sampler of Karras' noise levels is DDIMScheduler, expected "
                + "EulerDiscreteScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler. "
                + "Ask for another value.")
        #expect(
            try refusal { $0.previewEvery = 0 }
                == "preview-every is 0, expected 1 or more steps.")
        #expect(try refusal { $0.framesPerSecond = 0 } == "fps is 0, expected 1 to 240.")
        #expect(
            try refusal { $0.strength = 0.5 }
                == "initial-image is absent, expected a picture, for a mask or a strength was given."
        )
        #expect(
            try refusal("audioldm-tiny") { $0.picture = "p.png" }
                == "initial-image is 'p.png', expected none, for this decoder makes audio.")
        #expect(
            try refusal { $0.picture = "/nowhere.png" }
                == "/nowhere.png: no such file. Is the path right?")
    }

    @Test func runsEndWithinAStep() throws {
        struct Enough: Error {}
        let model = try DecoderModel(decoder("zeroscope-tiny"))
        var layers = 0
        #expect(throws: Enough.self) {
            try model.media(for: request()) { progress in
                if case .step = progress { Issue.record("a step was made") }
            } onLayer: {
                layers += 1
                if layers == 4 { throw Enough() }
            }
        }
        #expect(layers == 4)
    }

    @Test(arguments: ["stable-diffusion-tiny", "audioldm-tiny", "zeroscope-tiny"])
    func runsEndWithinTheDecodingToo(name: String) throws {
        struct Enough: Error {}
        let model = try DecoderModel(decoder(name))
        var (hasDenoised, layers) = (false, 0)
        #expect(throws: Enough.self) {
            try model.media(for: request()) { progress in
                if case .step(let index, let count) = progress { hasDenoised = index == count }
            } onLayer: {
                layers += hasDenoised ? 1 : 0
                if layers == 8 { throw Enough() }
            }
        }
        #expect(layers == 8)
    }

    @Test func aSafetyCheckerInTheFolderFlagsItsPictures() throws {
        try withTemporaryFolder { folder in
            let copy = "\(folder)/decoder"
            try FileManager.default.copyItem(
                atPath: decoder("stable-diffusion-tiny"), toPath: copy)
            try FileManager.default.createDirectory(
                atPath: "\(copy)/safety_checker", withIntermediateDirectories: true)
            let fixture = try Fixture("safety_checker")
            let config = try fixture.config(SafetyCheckerConfig.self)
            try ConfigFile.write(config, to: "\(copy)/safety_checker/config.json")
            for (threshold, flagged) in [(-1.0, true), (2.0, false)] {
                let tensors = try fixture.weights.tensors.map { tensor in
                    let isThreshold = tensor.name == "concept_embeds_weights"
                    return (
                        name: tensor.name,
                        value: isThreshold ? Tensor.full([17], threshold) : try tensor.tensor()
                    )
                }
                try Safetensors.write(
                    tensors, to: "\(copy)/safety_checker/model.safetensors")
                let medium = try DecoderModel(copy).media(for: request())[0]
                #expect(medium.isFlagged == flagged)
            }
        }
    }

    @Test(arguments: [("bfloat16", Float(0.02)), ("q8_0", 0.05)])
    func weightsAreHeldNarrower(type: String, error: Float) throws {
        for name in ["stable-diffusion-tiny", "audioldm-tiny", "zeroscope-tiny"] {
            try withTemporaryFolder { folder in
                // The UNet in float32, so that there is something to save.
                let copy = "\(folder)/decoder"
                try FileManager.default.copyItem(atPath: decoder(name), toPath: copy)
                let unet = try Checkpoint(folder: "\(copy)/unet")
                try FileManager.default.removeItem(atPath: unet.file)
                try Safetensors.write(
                    unet.tensors.map { ($0.name, try $0.tensor().cast(to: .float32)) },
                    to: "\(copy)/unet/diffusion_pytorch_model.safetensors")
                let (plain, narrow) = (
                    try DecoderModel(copy), try DecoderModel(copy, weights: type)
                )
                #expect(narrow.decoder.byteCount < plain.decoder.byteCount * 9 / 10)
                let (a, b) = (
                    try plain.media(for: request())[0].content,
                    try narrow.media(for: request())[0].content
                )
                let difference = (a - b).squared().mean().item().squareRoot()
                #expect(difference > 0 && difference < error, "\(name): \(difference)")
            }
        }
    }

    @Test func otherTypesOfWeightsAreRefused() throws {
        let error = #expect(throws: ModelError.self) {
            try DecoderModel(decoder("stable-diffusion-tiny"), weights: "int3")
        }
        #expect(
            "\(try #require(error))"
                == "weights is int3, expected float16, bfloat16, q8_0, q4_0, q4_K, q6_K.")
    }
}
