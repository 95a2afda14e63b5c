import Dialogue
import Diffusion
import ModelZoo
import SouthGPT
import TensorCore

extension StageTask {
    /// What the model answers where a held-out dialogue's first answer begins, beside what it was to
    /// answer: greedy, and no longer than that by more than a few tokens. Then what decoders make of
    /// the dialogues' signals, where the model's folder has them.
    public func previews(of items: [Item], at moment: TrainingMoment) throws -> [Preview] {
        try replies(to: items) + media(of: items)
    }

    private func replies(to items: [Item]) throws -> [Preview] {
        items.enumerated().compactMap { number, item in
            let labels = item.sequence.labels
            guard let start = labels.firstIndex(where: { $0 != nil }), start > 0 else { return nil }
            let expected = labels[start...].prefix { $0 != nil }.compactMap(\.self)
            let found = withoutGradients { reply(to: item, upTo: start, count: expected.count + 8) }
            let asked = item.sequence.elements[..<start].compactMap { element -> Int? in
                guard case .token(let id) = element else { return nil }
                return id
            }
            let tokenizer = model.layout.tokenizer
            let lines = [("asked", asked), ("expected", expected), ("found", found)].map {
                "\($0): \(tokenizer.text(of: $1))"
            }
            return Preview("reply/\(number)", .text(lines.joined(separator: "\n\n")))
        }
    }

    /// Few steps of each decoder, which is closed again: its weights would take the place of those
    /// that are trained.
    private func media(of items: [Item]) throws -> [Preview] {
        let steps = config.previewSteps ?? 0
        let padID = model.layout.tokenizer.eosID
        guard steps > 0 else { return [] }
        let spans = items.enumerated().flatMap { number, item in
            withoutGradients { StageBatch([item], padID: padID).conditioning(in: self) }
                .map { (number: number, modality: $0, condition: $1[0]) }
        }
        return Modality.allCases.flatMap { modality -> [Preview] in
            let own = spans.filter { $0.modality == modality }
            let component = "decoder.\(modality.rawValue)"
            guard let first = own.first, model.folder.manifest.components[component] != nil
            else { return [] }
            do {
                let decoder = try MediaDecoder(
                    folder: model.folder.path(of: component), device: first.condition.device)
                return try own.map { span in
                    Preview(
                        "made/\(span.number)/\(modality.rawValue)",
                        try decoder.preview(of: span.condition, steps: steps, memory: memory))
                }
            } catch {
                // Half a decoder, or too little memory for one: no reason to end a run.
                return [Preview("made/\(modality.rawValue)", .text("cannot be shown: \(error)"))]
            }
        }
    }

    /// The likeliest tokens after the first `start` rows of a dialogue.
    private func reply(to item: Item, upTo start: Int, count: Int) -> [Int] {
        let network = model.languageModel.model
        let end = model.layout.tokenizer.eosID
        let cache = network.newCache()
        var rows = StageBatch([item], padID: end).inputRows(self)[0..<start]
        var ids: [Int] = []
        while ids.count < count {
            let states = network.hiddenStates(rows, cache: cache)
            let last = states[(states.shape[0] - 1)..<states.shape[0]]
            let id = network.logits(last).argMax().integers()[0]
            guard id != end else { break }
            ids.append(id)
            rows = network.embedTokens(Tensor([Int32(id)], device: rows.device))
        }
        return ids
    }
}

extension MediaDecoder {
    /// A picture, the frames of a short clip side by side, or a sound.
    fileprivate func preview(
        of condition: Tensor, steps: Int, memory: MemoryBudget
    ) throws -> Preview.Content {
        var options = DecoderOptions()
        (options.steps, options.frames) = (steps, 4)
        let medium = try generate(conditioning: condition, options: options, memory: memory)
        return switch modality {
        case .image: .image(medium.permuted(1, 2, 0).dense())
        case .video: .image(medium.permuted(2, 0, 3, 1).flattened(1...2).dense())
        case .audio: .sound(medium, sampleRate: config.vocoder?.samplingRate ?? 16_000)
        }
    }
}
