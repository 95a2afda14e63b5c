public import Diffusion
import FoundationEssentials
import MediaIO

/// All that a decoder alone was told, so that it makes the same again. PNGs hold it twice: for us as
/// JSON under `southgpt`, and for other programs as they write theirs, under `parameters`.
public struct MediumParameters: Codable, Equatable, Sendable {
    /// Low-rank changes, by file.
    public struct Adapter: Codable, Equatable, Sendable {
        public var file: String
        public var strength: Float

        /// A file at a strength.
        public init(file: String, strength: Float = 1) {
            (self.file, self.strength) = (file, strength)
        }
    }

    public var prompt: String
    public var negativePrompt: String
    /// Of this one medium, also where it was made in a batch.
    public var seed: UInt64
    public var steps: Int
    public var guidance: Float
    public var scheduler: SchedulerKind
    public var eta: Float
    public var karrasSigmas: Bool?
    public var height: Int
    public var width: Int
    /// The picture that was changed and its mask, by path.
    public var picture: String?
    public var mask: String?
    public var strength: Float?
    public var tilesVAE: Bool
    public var adapters: [Adapter]
    /// What the weights were held in, where that was asked for, and which of several were read.
    public var weights: String?
    public var variant: String?
    /// The decoder's path.
    public var model: String

    /// Why a picture cannot be made again.
    public enum Absent: Error, Equatable, CustomStringConvertible {
        /// The PNG holds nothing of ours.
        case noParameters(file: String)
        /// It holds something that cannot be understood.
        case malformed(file: String)

        public var description: String {
            switch self {
            case .noParameters(let file):
                "\(file): has no parameters of this program, expected a PNG that it wrote. "
                    + "Did another program save it again?"
            case .malformed(let file):
                "\(file): its parameters cannot be understood, expected those of a PNG that this "
                    + "program wrote. Was it made by a newer one?"
            }
        }
    }

    private static let keyword = "southgpt"

    /// Reads what a PNG was made with.
    ///
    /// - Throws: `MediaError`, `Absent`
    public init(png path: String) throws {
        guard let text = try PNGText.read(path)[MediumParameters.keyword] else {
            throw Absent.noParameters(file: path)
        }
        guard let found = try? JSONDecoder().decode(Self.self, from: Data(text.utf8)) else {
            throw Absent.malformed(file: path)
        }
        self = found
    }

    init(
        _ request: MediumRequest, _ plan: DecoderDefaults, model: DecoderModel, index: Int
    ) {
        prompt = request.prompt
        negativePrompt = request.options.negativePrompt ?? ""
        seed = plan.seed &+ UInt64(index)
        (steps, guidance, scheduler) = (plan.steps, plan.guidance, plan.scheduler)
        (eta, karrasSigmas) = (request.options.eta ?? 0, request.options.karrasSigmas)
        (height, width) = (plan.height, plan.width)
        (picture, mask) = (request.picture, request.mask)
        strength = plan.strength
        tilesVAE = request.options.tilesVAE ?? false
        (adapters, weights, variant) = (model.adapters, model.weights, model.variant)
        self.model = model.path
    }

    /// The request that makes the picture again.
    public var request: MediumRequest {
        var request = MediumRequest(prompt)
        request.options.negativePrompt = negativePrompt
        request.options.seed = seed
        request.options.imageSteps = steps
        request.options.guidance = guidance
        request.options.scheduler = scheduler
        (request.options.eta, request.options.karrasSigmas) = (eta, karrasSigmas)
        (request.options.height, request.options.width) = (height, width)
        request.options.tilesVAE = tilesVAE
        (request.picture, request.mask, request.strength) = (picture, mask, strength)
        return request
    }

    /// As other programs for Stable Diffusion write it.
    package var text: String {
        var lines = [prompt]
        if !negativePrompt.isEmpty { lines.append("Negative prompt: \(negativePrompt)") }
        var settings = [
            "Steps: \(steps)", "Sampler: \(scheduler.rawValue)", "CFG scale: \(guidance)",
            "Seed: \(seed)", "Size: \(width)x\(height)",
        ]
        if karrasSigmas == true { settings.append("Schedule type: Karras") }
        if let strength { settings.append("Denoising strength: \(strength)") }
        lines.append(settings.joined(separator: ", "))
        return lines.joined(separator: "\n")
    }

    /// Writes a picture with them, as a whole or not at all.
    func write(_ picture: RGBImage, to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = String(decoding: try encoder.encode(self), as: UTF8.self)
        try picture.writePNG(
            to: path, texts: [("parameters", text), (MediumParameters.keyword, json)])
    }
}
