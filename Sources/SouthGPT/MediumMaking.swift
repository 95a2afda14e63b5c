import Diffusion
import MediaIO
import ModelZoo
import TensorCore

extension MultimodalModel {
    /// Makes one medium, after those that others make; chats have their passes between its layers.
    ///
    /// - Parameter whileWaiting: called several times a second until its turn comes; what it throws
    ///   gives the turn up
    /// - Throws: `DecoderError`, `MemoryError`, or what the closures threw
    func make(
        _ modality: Modality, _ conditioning: Tensor, _ order: ReplyOrder,
        caption: String, whileWaiting: () throws -> Void, _ onEvent: (Event) throws -> Void
    ) throws -> GeneratedMedium {
        try studio.taking(whileWaiting: whileWaiting) {
            try decoders.using(modality) { decoder, preview in
                try make(decoder, preview, conditioning, order, caption: caption, onEvent)
            }
        }
    }

    private func make(
        _ decoder: MediaDecoder, _ preview: LatentPreview, _ conditioning: Tensor,
        _ order: ReplyOrder, caption: String, _ onEvent: (Event) throws -> Void
    ) throws -> GeneratedMedium {
        let (modality, options) = (decoder.modality, order.options)
        let chosen = options.decoderOptions(modality)
        let plan = try order.plans[modality] ?? decoder.plan(for: chosen)
        let seconds = plan.seconds(operationsPerSecond: Machine.measuredSpeed())
        var (completed, total, told) = (0, plan.steps, ContinuousClock.now)
        var picture: RGBImage?
        func tell() throws {
            told = .now
            try onEvent(
                .progress(
                    ReplyProgress(
                        job: .making(modality), completed: completed, total: total,
                        estimatedSeconds: completed == 0 ? seconds : nil, preview: picture)))
            picture = nil
        }
        try tell()
        let turns = passes.turns
        return try decoders.makingRoom(keeping: modality) {
            try turns.taking {
                let content = try decoder.generate(
                    conditioning: conditioning, options: chosen, plan: plan, memory: memory
                ) { step in
                    (completed, total) = (step.index, step.count)
                    picture = preview.picture(of: step, every: options.previewEvery)
                    try tell()
                } onLayer: {
                    // Chats go on meanwhile: a pass of theirs, a layer of this.
                    turns.pass()
                    // One step of a large clip takes minutes: who listens may end it within.
                    if ContinuousClock.now - told > .seconds(1) { try tell() }
                }
                let isFlagged =
                    modality == .image ? try decoders.safetyCheck()?.flags(content) : nil
                return GeneratedMedium(
                    modality: modality, caption: caption, content: content,
                    sampleRate: decoder.sampleRate, framesPerSecond: try options.clipRate(),
                    isFlagged: isFlagged)
            }
        }
    }
}
