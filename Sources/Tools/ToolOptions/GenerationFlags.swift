public import ArgumentParser
import Diffusion
import ModelZoo
public import SouthGPT

/// The settings of a reply, shared by the tools that make one.
public struct GenerationFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What the reply is made of, in order: text, image, audio, video, with commas. "
                + "Each is made exactly once; without this the model decides.",
            valueName: "list"))
    public var modalities: String?

    @Option(help: "Seed of the text and of each medium's noise: the same gives the same bytes.")
    public var seed: UInt64 = 13

    @Option(help: "Divides the logits; 0 takes the likeliest token.")
    public var temperature: Float?

    @Option(name: [.long, .customLong("top_p")], help: "Mass of likeliest tokens kept, at most 1.")
    public var topP: Float?

    @Option(name: [.long, .customLong("top_k")], help: "Likeliest tokens kept; 0 keeps all.")
    public var topK: Int?

    @Option(
        name: [.long, .customLong("min_p")],
        help: "Drops tokens less likely than this part of the likeliest; 0 keeps all.")
    public var minP: Float?

    @Option(
        name: [.long, .customLong("repetition_penalty")],
        help: "Divides the scores of tokens that occurred; 1 leaves them.")
    public var repetitionPenalty: Float?

    @Option(
        name: [.long, .customLong("presence_penalty")],
        help: "Taken from the scores of tokens that occurred.")
    public var presencePenalty: Float?

    @Option(
        name: [.long, .customLong("logit_bias")],
        help: ArgumentHelp(
            "Added to the score of a token; repeatable.", valueName: "id=number"))
    public var logitBias: [String] = []

    @Option(
        help: "A text that ends the words of the reply; repeatable.")
    public var stop: [String] = []

    @Option(
        name: [.long, .customLong("max_new_tokens")],
        help: "Text tokens at most; signal tokens do not count.")
    public var maxNewTokens: Int?

    @Option(help: "Denoising steps of an image.") public var imageSteps: Int?
    @Option(help: "Denoising steps of a sound.") public var audioSteps: Int?
    @Option(help: "Denoising steps of a clip.") public var videoSteps: Int?
    @Option(help: "Classifier-free guidance; 1 and less turn it off.") public var guidance: Float?
    @Option(
        name: [.long, .customLong("negative_prompt")],
        help: "What media should stay away from.")
    public var negativePrompt: String?
    @Option(
        help: ArgumentHelp(
            "The decoders' sampler in place of their own: "
                + "\(Sampler.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "name"))
    public var scheduler: Sampler?
    @Flag(help: "Visit Karras' noise levels, with the samplers euler, dpm++2m and unipc.")
    public var karras = false
    @Option(help: "Fresh noise of the ddim sampler, 0 to 1.") public var eta: Float?
    @Flag(
        name: .customLong("vae-tiling"),
        help: "Decode pictures in tiles: less memory for large ones.")
    public var tilesVAE = false
    @Option(help: "Height of images and clips in pixels.") public var height: Int?
    @Option(help: "Width of images and clips in pixels.") public var width: Int?
    @Option(help: "Frames of a clip.") public var frames: Int?
    @Option(help: "Length of a sound in seconds.") public var audioSeconds: Double?

    /// The options as ArgumentParser makes them.
    public init() {}

    /// Finds words in `--modalities` that mean nothing.
    public func validate() throws {
        _ = try output
        for bias in logitBias where GenerationFlags.bias(bias) == nil {
            throw ValidationError("--logit-bias: '\(bias)' is no token id, '=' and a number.")
        }
    }

    private static func bias(_ text: String) -> (Int, Float)? {
        let parts = text.split(separator: "=")
        guard parts.count == 2, let id = Int(parts[0]), let value = Float(parts[1]) else {
            return nil
        }
        return (id, value)
    }

    /// The settings for the library.
    public var options: GenerationOptions {
        var options = GenerationOptions()
        options.seed = seed
        options.temperature = temperature
        options.topP = topP
        options.topK = topK
        options.minP = minP
        options.repetitionPenalty = repetitionPenalty
        options.presencePenalty = presencePenalty
        options.logitBias =
            logitBias.isEmpty
            ? nil
            : Dictionary(
                logitBias.compactMap(GenerationFlags.bias), uniquingKeysWith: { $1 })
        options.stops = stop.isEmpty ? nil : stop
        options.maxNewTokens = maxNewTokens
        options.imageSteps = imageSteps
        options.audioSteps = audioSteps
        options.videoSteps = videoSteps
        options.guidance = guidance
        options.height = height
        options.width = width
        options.frames = frames
        options.audioSeconds = audioSeconds
        options.negativePrompt = negativePrompt
        options.scheduler = scheduler?.kind
        options.eta = eta
        options.karrasSigmas = karras ? true : nil
        options.tilesVAE = tilesVAE ? true : nil
        return options
    }

    /// What `--modalities` says.
    public var output: OutputChoice? {
        get throws {
            guard let modalities else { return nil }
            var choice = OutputChoice(text: false, media: [])
            for word in modalities.split(separator: ",").map({ $0.filter { $0 != " " } }) {
                if word == "text" {
                    choice.text = true
                } else if let modality = Modality(rawValue: word) {
                    if !choice.media.contains(modality) { choice.media.append(modality) }
                } else {
                    throw ValidationError(
                        "--modalities: '\(word)' is not known; known are text, image, audio, video."
                    )
                }
            }
            return choice
        }
    }
}

/// The samplers by the names that users know them by.
public enum Sampler: String, CaseIterable, ExpressibleByArgument, Sendable {
    case pndm, ddim, euler, lcm
    case eulerAncestral = "euler-a"
    case dpmSolver = "dpm++2m"
    case uniPC = "unipc"

    var kind: SchedulerKind {
        switch self {
        case .pndm: .pndm
        case .ddim: .ddim
        case .euler: .euler
        case .lcm: .lcm
        case .eulerAncestral: .eulerAncestral
        case .dpmSolver: .dpmSolver
        case .uniPC: .uniPC
        }
    }
}
