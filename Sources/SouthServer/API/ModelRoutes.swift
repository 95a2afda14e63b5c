import FoundationEssentials
import ModelZoo
import SouthGPT
import TensorCore

/// `GET /v1/models`
struct ModelList: Encodable {
    struct Model: Encodable {
        let id: String
        let object = "model"
        let created = 0
        let owner = "south-gpt"
        let inputs: [AnswerPart]
        let outputs: [AnswerPart]
        /// What a request that says nothing else gets, as far as the model's manifest says.
        let defaults: MediaSettings
        let limits: Limits
        /// Prompts that the model was made for.
        let examples: [String]

        private enum CodingKeys: String, CodingKey {
            case id, object, created, defaults, limits, examples
            case owner = "owned_by"
            case inputs = "input_modalities"
            case outputs = "output_modalities"
        }
    }

    /// What a request may ask for.
    struct Limits: Encodable {
        let tokens: Int
        let steps: Int
        let frames: Int
        let seconds: Int
        let pixels: Int

        private enum CodingKeys: String, CodingKey {
            case steps, frames, pixels
            case tokens = "max_tokens"
            case seconds = "audio_seconds"
        }
    }

    let object = "list"
    let data: [Model]

    private enum CodingKeys: String, CodingKey { case object, data }
}

private struct Health: Encodable {
    let status: String
    let model: String
    let isBusy: Bool
    let waiting: Int
    let availableMemoryBytes: Int
    let peakMemoryBytes: Int

    private enum CodingKeys: String, CodingKey {
        case status, model, waiting
        case isBusy = "busy"
        case availableMemoryBytes = "available_memory_bytes"
        case peakMemoryBytes = "peak_memory_bytes"
    }
}

extension Exchange {
    func models() throws -> ModelList {
        let served = try engine.served
        let made = served.modalities.compactMap { AnswerPart(rawValue: $0.rawValue) }
        return ModelList(data: [
            ModelList.Model(
                id: engine.name, inputs: served.reads, outputs: [.text] + made,
                defaults: MediaSettings(served.defaults),
                limits: ModelList.Limits(
                    tokens: limits.newTokens, steps: limits.steps, frames: limits.frames,
                    seconds: limits.audioSeconds, pixels: limits.pixels),
                examples: served.examples)
        ])
    }

    /// 200 once requests are answered, 503 before and where they never will be.
    func health() async -> Reply {
        let state = engine.state
        return Reply(
            state == "ok" ? 200 : 503,
            json: Health(
                status: ["ok", "loading"].contains(state) ? state : "failed", model: engine.name,
                isBusy: await engine.queue.isBusy, waiting: await engine.queue.waiting,
                availableMemoryBytes: Machine.current.availableBytes,
                peakMemoryBytes: Machine.peakMemoryBytes))
    }
}
