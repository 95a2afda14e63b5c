import Dialogue
import ModelZoo
import SouthGPT
import TensorCore

extension StageTask {
    /// What the model answers where a held-out dialogue's first answer begins, beside what it was to
    /// answer. Greedy, and no longer than that by more than a few tokens.
    public func previews(of items: [Item], at moment: TrainingMoment) throws -> [Preview] {
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
