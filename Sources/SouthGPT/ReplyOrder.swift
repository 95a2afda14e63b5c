import Dialogue
import Diffusion
import ModelZoo
import TensorCore

/// A request with its settings completed, after all checks that can be made before the first token.
struct ReplyOrder {
    let request: Request
    let options: GenerationOptions
    let sampling: SamplingOptions
    /// Text tokens at most.
    let tokenLimit: Int
    /// What each medium that was asked for will take; what the model may choose to make is planned
    /// when it does.
    let plans: [Modality: DecoderPlan]

    /// - Throws: `ModelError`, `DecoderError`, `SchedulerError`, `MemoryError`
    init(_ request: Request, for model: MultimodalModel) throws {
        self.request = request
        options = request.options.completed(by: model.folder.manifest.defaults)
        sampling = try options.sampling(from: model.layout.tokenizer.vocabularySize)
        tokenLimit = try options.tokenLimit()
        _ = try options.clipRate()
        guard !request.prompt.isEmpty || !request.media.isEmpty else {
            throw ModelError.emptyRequest
        }
        let (available, asked) = (model.folder.modalities, request.output?.media)
        for modality in asked ?? [] where !available.contains(modality) {
            throw ModelError.unavailableModality(modality, available: available)
        }
        var plans: [Modality: DecoderPlan] = [:]
        for modality in asked ?? available {
            let decoder = try model.decoders.decoder(modality)
            let chosen = options.decoderOptions(modality)
            _ = try DecoderRequest(chosen, for: decoder.config)
            try model.checkConditioning(of: decoder)
            if asked != nil { plans[modality] = try decoder.plan(for: chosen) }
        }
        self.plans = plans
        for (modality, plan) in plans {
            try model.decoders.makingRoom(keeping: modality) {
                try model.memory.reserving(
                    plan.peakBytes, for: "Making a medium (\(modality.rawValue))"
                ) {}
            }
        }
    }
}
