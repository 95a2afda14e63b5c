import Dialogue
package import Diffusion
package import ModelZoo
import TensorCore

extension MultimodalModel {
    /// Makes a medium of a text by its decoder's own text encoder: what the decoder can do without
    /// the language model.
    ///
    /// - Parameter onStep: told after every evaluation; what it throws ends the run
    /// - Throws: `ModelError.unavailableModality`, and what the decoder throws
    package func medium(
        _ modality: Modality, prompt: String, options: GenerationOptions = GenerationOptions(),
        onStep: (DenoisingStep) throws -> Void = { _ in }
    ) throws -> GeneratedMedium {
        guard folder.modalities.contains(modality) else {
            throw ModelError.unavailableModality(modality, available: folder.modalities)
        }
        let options = options.completed(by: folder.manifest.defaults)
        let (rate, decoder) = (try options.clipRate(), try decoders.decoder(modality))
        let content = try decoder.generate(
            conditioning: decoder.conditioning(prompt: prompt),
            options: options.decoderOptions(modality), memory: memory, onStep: onStep)
        return GeneratedMedium(
            modality: modality, caption: prompt, content: content,
            sampleRate: decoder.sampleRate, framesPerSecond: rate)
    }

    /// Whether the language model alone, taking the likeliest token at each place, would finish a
    /// span that it has begun: in use the grammar sees to it.
    ///
    /// - Parameter answer: its own words before the span
    /// - Throws: `DialogueError`, `MemoryError`
    package func finishesSpan(
        of modality: Modality, after answer: String, to question: String
    ) throws -> Bool {
        let sequence = try layout.sequence(of: [
            Message(.human, question), Message(.assistant, [.text(answer), .signal(modality)]),
        ])
        guard let span = sequence.spans.first?.elements, span.count > 1 else { return true }
        let ids = sequence.elements[..<span.upperBound].compactMap { element -> Int? in
            if case .token(let id) = element { id } else { nil }
        }
        let states = try memory.reserving(
            try languageModel.config.bytesNeeded(reading: ids.count, writing: 0),
            for: "Reading a dialogue of \(ids.count) tokens"
        ) {
            languageModel.hiddenStates(embeddings(of: ids), cache: languageModel.newCache())
        }
        let before = states.sliced(0, span.lowerBound..<(span.upperBound - 1))
        return languageModel.logits(before).argMax().integers()
            == Array(ids[(span.lowerBound + 1)..<span.upperBound])
    }
}

extension MediaDecoder {
    /// Samples a second of the sounds that it makes.
    var sampleRate: Int { config.vocoder?.samplingRate ?? 16_000 }
}
