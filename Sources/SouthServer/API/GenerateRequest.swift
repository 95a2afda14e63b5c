public import FoundationEssentials

/// What a piece of an answer is made of.
public enum AnswerPart: String, Codable, CaseIterable, Sendable {
    case text, image, audio, video
}

/// One request, by the keys that clients of the reference know (`max_tgt_len`, `top_p`, …), and a
/// few of ours (`seed`, `top_k`, `modalities`).
///
/// Absent values are the model folder's defaults. Media are names that an upload returned, never
/// paths of the server's file system.
public struct GenerateRequest: Codable, Equatable, Sendable {
    public var prompt: String
    public var modalities: [AnswerPart]?
    public var imagePaths: [String]?
    public var audioPaths: [String]?
    public var videoPaths: [String]?

    public var seed: UInt64?
    public var temperature: Float?
    public var topP: Float?
    public var topK: Int?
    public var maxTgtLen: Int?
    public var stopsId: [[Int]]?

    public var maxNumImgs: Int?
    public var maxNumVids: Int?
    public var maxNumAuds: Int?
    public var guidanceScaleForImg: Float?
    public var guidanceScaleForVid: Float?
    public var guidanceScaleForAud: Float?
    public var numInferenceStepsForImg: Int?
    public var numInferenceStepsForVid: Int?
    public var numInferenceStepsForAud: Int?
    public var height: Int?
    public var width: Int?
    public var numFrames: Int?
    public var audioLengthInS: Float?

    /// The names on the wire, which are an interface: they stand here once.
    enum CodingKeys: String, CodingKey, CaseIterable {
        case prompt, modalities, seed, temperature, height, width
        case imagePaths = "image_paths"
        case audioPaths = "audio_paths"
        case videoPaths = "video_paths"
        case topP = "top_p"
        case topK = "top_k"
        case maxTgtLen = "max_tgt_len"
        case stopsId = "stops_id"
        case maxNumImgs = "max_num_imgs"
        case maxNumVids = "max_num_vids"
        case maxNumAuds = "max_num_auds"
        case guidanceScaleForImg = "guidance_scale_for_img"
        case guidanceScaleForVid = "guidance_scale_for_vid"
        case guidanceScaleForAud = "guidance_scale_for_aud"
        case numInferenceStepsForImg = "num_inference_steps_for_img"
        case numInferenceStepsForVid = "num_inference_steps_for_vid"
        case numInferenceStepsForAud = "num_inference_steps_for_aud"
        case numFrames = "num_frames"
        case audioLengthInS = "audio_length_in_s"
    }

    /// Keys of the reference that have no effect, there or here; the answer lists those given.
    static let ignoredKeys: Set<String> = [
        "stops_id", "max_num_imgs", "max_num_vids", "max_num_auds", "thermal_paths",
        "modality_embeds", "filter_value", "min_word_tokens",
        "gen_scale_factor", "load_sd", "generator", "ENCOUNTERS",
    ]

    /// A request for an answer to `prompt`, everything else as the model has it.
    public init(prompt: String) { self.prompt = prompt }

    /// Every medium that the request names.
    public var media: [String] {
        [imagePaths, videoPaths, audioPaths].flatMap { $0 ?? [] }
    }

    /// Reads and checks a request.
    ///
    /// - Returns: the request, and the keys in it that have no effect
    /// - Throws: `ServerError.invalid` or `.tooLarge`, which name the field
    public static func read(
        _ body: Data, limits: ServerLimits
    ) throws -> (request: GenerateRequest, ignored: [String]) {
        let keys = Set(try limits.read([String: Anything].self, from: body).keys)
        let unknown = keys.subtracting(CodingKeys.allCases.map(\.rawValue))
            .subtracting(ignoredKeys)
        guard unknown.isEmpty else {
            let names = CodingKeys.allCases.map(\.rawValue).sorted()
            throw ServerError.invalid(
                field: unknown.sorted().joined(separator: "', '"),
                problem: "is not known; known are \(names.joined(separator: ", "))")
        }
        let request = try limits.read(GenerateRequest.self, from: body)
        try request.check(limits)
        return (request, keys.intersection(ignoredKeys).sorted())
    }

    private func check(_ limits: ServerLimits) throws {
        func atMost(_ limit: Int, _ what: String, _ value: Int?) throws {
            guard let value else { return }
            guard value >= 0 else {
                throw ServerError.invalid(field: what, problem: "is \(value), expected 0 or more")
            }
            guard value <= limit else {
                throw ServerError.tooLarge(what: "'\(what)'", found: value, limit: limit)
            }
        }
        func within(_ range: ClosedRange<Float>, _ what: String, _ value: Float?) throws {
            guard let value, !range.contains(value) else { return }
            throw ServerError.invalid(
                field: what,
                problem: "is \(value), expected \(range.lowerBound) to \(range.upperBound)")
        }
        guard !prompt.isEmpty || !media.isEmpty else {
            throw ServerError.invalid(field: "prompt", problem: "is empty, and no media are named")
        }
        try atMost(limits.promptCharacters, "prompt", prompt.count)
        try atMost(limits.media, "media", media.count)
        try atMost(limits.newTokens, "max_tgt_len", maxTgtLen)
        for (name, steps) in [
            ("num_inference_steps_for_img", numInferenceStepsForImg),
            ("num_inference_steps_for_vid", numInferenceStepsForVid),
            ("num_inference_steps_for_aud", numInferenceStepsForAud),
        ] { try atMost(limits.steps, name, steps) }
        try atMost(limits.pixels, "height", height)
        try atMost(limits.pixels, "width", width)
        // Neither can overflow now.
        try atMost(limits.pixels, "height × width", (height ?? 1) * (width ?? 1))
        try atMost(limits.frames, "num_frames", numFrames)
        try within(0...Float(limits.audioSeconds), "audio_length_in_s", audioLengthInS)
        try within(0...100, "temperature", temperature)
        for (name, scale) in [
            ("guidance_scale_for_img", guidanceScaleForImg),
            ("guidance_scale_for_vid", guidanceScaleForVid),
            ("guidance_scale_for_aud", guidanceScaleForAud),
        ] { try within(0...100, name, scale) }
    }
}
