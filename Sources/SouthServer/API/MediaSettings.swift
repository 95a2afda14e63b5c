import SouthGPT

/// How a reply is made: OpenAI's keys for the text, and ours for the media.
struct MediaSettings: Codable {
    var temperature: Float?
    var topP: Float?
    var topK: Int?
    var minP: Float?
    var seed: UInt64?
    var presencePenalty: Float?
    var logitBias: [String: Float]?
    var maxTokens: Int?
    var maxCompletionTokens: Int?
    var imageSteps: Int?
    var audioSteps: Int?
    var videoSteps: Int?
    var guidance: Float?
    var imageGuidance: Float?
    var audioGuidance: Float?
    var videoGuidance: Float?
    var height: Int?
    var width: Int?
    var frames: Int?
    var audioSeconds: Double?

    enum CodingKeys: String, CodingKey {
        case temperature, seed, guidance, height, width, frames
        case topP = "top_p"
        case topK = "top_k"
        case minP = "min_p"
        case presencePenalty = "presence_penalty"
        case logitBias = "logit_bias"
        case maxTokens = "max_tokens"
        case maxCompletionTokens = "max_completion_tokens"
        case imageSteps = "image_steps"
        case audioSteps = "audio_steps"
        case videoSteps = "video_steps"
        case audioSeconds = "audio_seconds"
        case imageGuidance = "image_guidance"
        case audioGuidance = "audio_guidance"
        case videoGuidance = "video_guidance"
    }

    /// - Throws: `ServerError`
    func check(_ limits: ServerLimits) throws {
        func within<Value: Comparable>(
            _ range: ClosedRange<Value>, _ field: CodingKeys, _ value: Value?
        ) throws {
            guard let value, !range.contains(value) else { return }
            throw ServerError.invalid(
                field: field.rawValue,
                problem: "is \(value), expected \(range.lowerBound) to \(range.upperBound)")
        }
        try within(0...100, .temperature, temperature)
        if let topP, !(topP > 0 && topP <= 1) {
            throw ServerError.invalid(
                field: "top_p", problem: "is \(topP), expected more than 0, at most 1")
        }
        try within(0...1, .minP, minP)
        try within(0...Int(Int32.max), .topK, topK)
        try within(-2...2, .presencePenalty, presencePenalty)
        try within(0...limits.newTokens, .maxTokens, maxTokens)
        try within(0...limits.newTokens, .maxCompletionTokens, maxCompletionTokens)
        try within(1...limits.steps, .imageSteps, imageSteps)
        try within(1...limits.steps, .audioSteps, audioSteps)
        try within(1...limits.steps, .videoSteps, videoSteps)
        try within(0...100, .guidance, guidance)
        try within(0...100, .imageGuidance, imageGuidance)
        try within(0...100, .audioGuidance, audioGuidance)
        try within(0...100, .videoGuidance, videoGuidance)
        try within(8...limits.pixels, .height, height)
        try within(8...limits.pixels, .width, width)
        // Neither can overflow now.
        let pixels = (height ?? 8) * (width ?? 8)
        guard pixels <= limits.pixels else {
            throw ServerError.tooLarge(what: "height × width", found: pixels, limit: limits.pixels)
        }
        try within(1...limits.frames, .frames, frames)
        try within(0.1...Double(limits.audioSeconds), .audioSeconds, audioSeconds)
        for (token, bias) in logitBias ?? [:] where Int(token) == nil || !bias.isFinite {
            throw ServerError.invalid(
                field: "logit_bias", problem: "has '\(token)', expected token ids and numbers")
        }
    }

    var options: GenerationOptions {
        var options = GenerationOptions()
        // A request that names no seed gets one of its own, so that asking again gives another.
        options.seed = seed ?? UInt64.random(in: 0...UInt64(Int32.max))
        options.temperature = temperature
        options.topP = topP
        options.topK = topK
        options.minP = minP
        options.presencePenalty = presencePenalty
        options.logitBias = logitBias.map { bias in
            Dictionary(
                bias.compactMap { key, value in Int(key).map { ($0, value) } },
                uniquingKeysWith: { $1 })
        }
        options.maxNewTokens = maxCompletionTokens ?? maxTokens
        options.imageSteps = imageSteps
        options.audioSteps = audioSteps
        options.videoSteps = videoSteps
        options.guidance = guidance
        options.imageGuidance = imageGuidance
        options.audioGuidance = audioGuidance
        options.videoGuidance = videoGuidance
        options.height = height
        options.width = width
        options.frames = frames
        options.audioSeconds = audioSeconds
        return options
    }
}

extension MediaSettings {
    /// What a model's manifest sets, under the names of requests.
    init(_ options: GenerationOptions) {
        temperature = options.temperature
        topP = options.topP
        topK = options.topK
        minP = options.minP
        seed = options.seed
        presencePenalty = options.presencePenalty
        maxTokens = options.maxNewTokens
        imageSteps = options.imageSteps
        audioSteps = options.audioSteps
        videoSteps = options.videoSteps
        guidance = options.guidance
        imageGuidance = options.imageGuidance
        audioGuidance = options.audioGuidance
        videoGuidance = options.videoGuidance
        height = options.height
        width = options.width
        frames = options.frames
        audioSeconds = options.audioSeconds
    }
}
