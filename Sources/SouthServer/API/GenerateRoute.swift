import FoundationEssentials
import ModelZoo
import SouthGPT

extension Exchange {
    /// `POST /v1/generate`: one turn by the reference's own keys.
    func generate(_ body: Data) throws -> Answer {
        let (request, ignored) = try GenerateRequest.read(body, limits: limits)
        let made = try request.request(media)
        _ = try engine.served
        return .work { [self] in
            await replying {
                let response = try await engine.reply(to: made, after: [])
                let segments = try response.segments.map { segment in
                    switch segment {
                    case .text(let text):
                        GenerateResponse.Segment(modality: .text, text: text)
                    case .medium(let medium):
                        GenerateResponse.Segment(
                            modality: AnswerPart(rawValue: medium.modality.rawValue) ?? .text,
                            text: medium.caption, media: try media.store(medium))
                    }
                }
                return Reply(json: GenerateResponse(segments: segments, ignored: ignored))
            }
        }
    }
}

extension GenerateRequest {
    /// The request for the model; names become paths.
    fileprivate func request(_ media: MediaFolder) throws -> Request {
        var options = GenerationOptions()
        options.seed = seed
        options.temperature = temperature
        // The reference passes 10 for "keep all".
        options.topP = topP.map { min($0, 1) }
        options.topK = topK
        options.maxNewTokens = maxTgtLen
        options.imageSteps = numInferenceStepsForImg
        options.audioSteps = numInferenceStepsForAud
        options.videoSteps = numInferenceStepsForVid
        options.imageGuidance = guidanceScaleForImg
        options.audioGuidance = guidanceScaleForAud
        options.videoGuidance = guidanceScaleForVid
        options.height = height
        options.width = width
        options.frames = numFrames
        options.audioSeconds = audioLengthInS.map(Double.init)
        let files = try Modality.allCases.flatMap { modality in
            let names =
                switch modality {
                case .image: imagePaths
                case .audio: audioPaths
                case .video: videoPaths
                }
            return try (names ?? []).map { MediumFile(modality, try media.file($0)) }
        }
        let choice = modalities.map { parts in
            OutputChoice(
                text: parts.contains(.text),
                media: parts.compactMap { Modality(rawValue: $0.rawValue) })
        }
        return Request(prompt, media: files, output: choice, options: options)
    }
}
