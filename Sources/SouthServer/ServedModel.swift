import Dialogue
import ModelZoo
public import SouthGPT

/// What a server answers with: the whole system, or a language model alone.
public enum ServedModel: Sendable {
    case multimodal(MultimodalModel)
    case text(LanguageModel)

    /// Where it came from.
    var path: String {
        switch self {
        case .multimodal(let model): model.folder.path
        case .text(let model): model.path
        }
    }

    /// The media that it makes.
    var modalities: [Modality] {
        switch self {
        case .multimodal(let model): model.folder.modalities
        case .text: []
        }
    }

    /// What it can be told.
    var reads: [AnswerPart] {
        switch self {
        case .multimodal: AnswerPart.allCases
        case .text: [.text]
        }
    }

    /// What a request that says nothing else gets, as far as the model's files say.
    var defaults: GenerationOptions {
        switch self {
        case .multimodal(let model): model.folder.manifest.defaults ?? GenerationOptions()
        case .text(let model): model.defaults
        }
    }

    /// Prompts that it was made for.
    var examples: [String] {
        switch self {
        case .multimodal(let model): model.folder.manifest.examples ?? []
        case .text: []
        }
    }

    /// A conversation that has not begun.
    func newSession() -> ServedSession {
        switch self {
        case .multimodal(let model): .multimodal(Session(model))
        case .text(let model): .text(TextSession(model))
        }
    }
}

/// A conversation with what is served.
enum ServedSession: Sendable {
    case multimodal(Session)
    case text(TextSession)

    /// Answers, on the caller's thread; what `onEvent` throws ends the reply within one token or
    /// denoising step.
    ///
    /// - Throws: `ServerError.unable` where a language model alone is asked for media, and what
    ///   `Session.respond` throws
    func respond(
        to request: Request, after turns: [Turn], onEvent: (Event) throws -> Void
    ) throws -> Response {
        switch self {
        case .multimodal(let session):
            return try session.respond(to: request, after: turns, onEvent: onEvent)
        case .text(let session):
            let media = turns.flatMap(\.media) + request.media
            guard media.isEmpty, request.output?.media.isEmpty ?? true else {
                throw ServerError.unable("This model reads and writes text alone.")
            }
            let said = turns.map { turn in
                ChatTemplate.Turn(turn.role == .human ? .human : .assistant, turn.text)
            }
            return try session.respond(to: request.prompt, after: said, options: request.options) {
                // Also where a token shows nothing: whoever listens may end the reply.
                try onEvent(.text($0))
            }
        }
    }
}

extension Turn {
    fileprivate var text: String {
        pieces.map { if case .text(let text) = $0 { text } else { "" } }.joined()
    }

    fileprivate var media: [MediumFile] {
        pieces.compactMap { if case .medium(let file) = $0 { file } else { nil } }
    }
}
