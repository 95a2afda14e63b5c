import ArgumentParser
import SouthGPT
import TensorCore

/// What only a decoder alone is told.
struct DecoderFlags: ParsableArguments {
    @Option(help: "Denoising steps.") var steps: Int?
    @Option(help: "Media to make together, each of a seed of its own, counted up.") var count = 1
    @Option(
        name: [.customLong("initial-image"), .customLong("init_image")],
        help: ArgumentHelp("A picture to change.", valueName: "file"))
    var picture: String?
    @Option(help: ArgumentHelp("A picture that is white where it may change.", valueName: "file"))
    var mask: String?
    @Option(help: "How much of the picture may change, 0 to 1; 0.8, or 1 with a mask.")
    var strength: Float?
    @Option(
        help: ArgumentHelp(
            "A LoRA file of diffusers, PEFT or kohya, and perhaps its strength; repeatable.",
            valueName: "file[:strength]"))
    var lora: [String] = []
    @Option(help: "Frames a second of a clip.") var fps = 8
    @Option(help: "The variant of the folder's weights, such as fp16.") var variant: String?
    @Option(
        help: ArgumentHelp(
            "Hold the UNet and the text encoder in a narrower type: bfloat16, float16, q8_0, q4_0.",
            valueName: "type"))
    var weights: String?
    @Option(help: "Write a small preview every so many steps.") var previewEvery: Int?
    @Option(
        help: ArgumentHelp(
            "Make a picture of this program again, by the parameters stored in it, its model "
                + "among them unless --model is given; other flags do not count.",
            valueName: "png"))
    var rerun: String?

    /// The decoder of the picture to make again, unless another model was named.
    func rerunDecoder(unless named: String?) throws -> String? {
        guard named == nil, let rerun else { return nil }
        return try ModelLookup().model(named: MediumParameters(png: rerun).model)
    }

    /// Opens the decoder as the flags say, or as it was for the picture to make again.
    func decoder(_ path: String, memory: MemoryBudget) throws -> DecoderModel {
        let made = try rerun.map { try MediumParameters(png: $0) }
        return try DecoderModel(
            path, variant: made.map(\.variant) ?? variant, adapters: made?.adapters ?? adapters,
            weights: made.map(\.weights) ?? weights, memory: memory)
    }

    /// The files and strengths of `--lora`.
    private var adapters: [MediumParameters.Adapter] {
        lora.map { text in
            // A strength stands behind the last colon; a path may have others.
            guard let colon = text.lastIndex(of: ":"),
                let strength = Float(text[text.index(after: colon)...])
            else { return MediumParameters.Adapter(file: text) }
            return MediumParameters.Adapter(file: String(text[..<colon]), strength: strength)
        }
    }

    func request(
        _ options: GenerationOptions, prompt: () throws -> String
    ) throws -> MediumRequest {
        if let rerun {
            var request = try MediumParameters(png: rerun).request
            request.previewEvery = previewEvery
            return request
        }
        var request = MediumRequest(try prompt())
        request.options = options
        request.options.imageSteps = steps ?? options.imageSteps
        request.options.audioSteps = steps ?? options.audioSteps
        request.options.videoSteps = steps ?? options.videoSteps
        request.count = count
        (request.picture, request.mask, request.strength) = (picture, mask, strength)
        request.framesPerSecond = fps
        request.previewEvery = previewEvery
        return request
    }

    /// Throws where a flag was given and the model is none that it means anything to.
    func refuse() throws {
        let given = [
            ("--steps", steps != nil), ("--count", count != 1), ("--initial-image", picture != nil),
            ("--mask", mask != nil), ("--strength", strength != nil), ("--lora", !lora.isEmpty),
            ("--fps", fps != 8), ("--variant", variant != nil),
            ("--weights", weights != nil),
            ("--preview-every", previewEvery != nil), ("--rerun", rerun != nil),
        ].first { $0.1 }
        if let given {
            throw ValidationError(
                "\(given.0) is for a decoder alone: name a folder of diffusers or a single file with "
                    + "--model.")
        }
    }
}
