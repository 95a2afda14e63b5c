import Dialogue
import ModelZoo
import SouthGPT
import TensorCore

/// A micro-batch of dialogues as one pass of the language model: padded at the end, where a causal
/// model looks last and labels are none.
struct StageBatch {
    private let items: [StageTask.Item]
    /// Positions of the longest dialogue.
    private let time: Int
    /// Of every position in reading order, sample by sample.
    private var ids: [Int32] = []
    /// Which of the token rows or, behind those, of the media's rows each position takes.
    private var order: [Int32] = []
    /// Positions whose successor has a label, and that label.
    private var predicting: [Int32] = []
    private var labels: [Int32] = []
    /// Of each label, whether its prediction counts in the accuracy: the first position's does not.
    private var counts: [Bool] = []

    init(_ items: [StageTask.Item], padID: Int) {
        self.items = items
        time = items.map(\.sequence.elements.count).max() ?? 0
        var mediaCount = 0
        for (sample, item) in items.enumerated() {
            let start = sample * time
            for (position, element) in item.sequence.elements.enumerated() {
                switch element {
                case .token(let id):
                    ids.append(Int32(id))
                    order.append(Int32(start + position))
                case .medium(let number):
                    ids.append(Int32(padID))
                    order.append(Int32(items.count * time + mediaCount + number))
                }
            }
            mediaCount += item.media.count
            let padding = time - item.sequence.elements.count
            ids += [Int32](repeating: Int32(padID), count: padding)
            order += (time - padding..<time).map { Int32(start + $0) }
            for (position, label) in item.sequence.labels.enumerated().dropFirst() {
                guard let label else { continue }
                predicting.append(Int32(start + position - 1))
                labels.append(Int32(label))
                counts.append(position > 1)
            }
        }
    }

    func loss(in task: StageTask, dropout: Dropout?) -> TrainingLoss {
        let model = task.model.languageModel.model
        let rows = inputRows(task)
        let (readers, wanted) = readers(task)
        let states = model.hiddenStates(
            rows.reshaped([items.count, time, rows.shape[1]]), layers: wanted,
            training: LLaMATraining(
                dropout: dropout, recomputesLayers: task.config.checkpointActivations ?? false)
        ).map { $0.reshaped([items.count * time, rows.shape[1]]) }

        // Scores only where something is to be predicted: most of a dialogue is not.
        let device = rows.device
        let logits = model.logits(states[0].selected(0, at: Tensor(predicting, device: device)))
        let crossEntropy = logits.crossEntropy(Tensor(labels, device: device), reduction: .sum)
        var terms = [LossTerm("mle_loss", sum: crossEntropy, per: .tokens)]
        if let alignment = alignment(task, readers, wanted, states, rows) {
            terms.append(alignment)
        }
        return TrainingLoss(
            terms, accuracy: accuracy(logits.detached()),
            tokens: items.reduce(0) { $0 + $1.sequence.elements.count })
    }

    /// The language model's input, `[batch · time, hidden]`.
    func inputRows(_ task: StageTask) -> Tensor {
        let tokens = task.model.languageModel.model.embedTokens(Tensor(ids))
        let media = items.flatMap(\.media)
        guard !media.isEmpty else { return tokens }
        let shown = task.model.projections.input(Tensor.stack(media))
        return Tensor.concatenate([tokens, shown], axis: 0)
            .selected(0, at: Tensor(order, device: tokens.device))
    }

    /// The projections of the modalities that have targets, and the hidden states that all need:
    /// the last first.
    private func readers(_ task: StageTask) -> ([Modality: OutputProjection], [Int]) {
        let present = Set(
            items.flatMap { $0.targets.isEmpty ? [] : $0.sequence.spans }.map(\.modality))
        let readers = task.model.projections.outputs.filter { present.contains($0.key) }
        let layers = Set(readers.values.flatMap(\.config.hiddenLayers)).subtracting([-1])
        return (readers, [-1] + layers.sorted())
    }

    /// What a decoder would be shown of the batch's spans, `[spans, tokens, width]` of a modality.
    func conditioning(in task: StageTask) -> [Modality: Tensor] {
        let (readers, wanted) = readers(task)
        guard !readers.isEmpty else { return [:] }
        let rows = inputRows(task)
        let states = task.model.languageModel.model.hiddenStates(
            rows.reshaped([items.count, time, rows.shape[1]]), layers: wanted
        ).map { $0.reshaped([items.count * time, rows.shape[1]]) }
        return projected(readers, wanted, states, rows).mapValues(\.found)
    }

    /// What the spans become, and what they are to become.
    private func projected(
        _ readers: [Modality: OutputProjection], _ wanted: [Int], _ states: [Tensor], _ rows: Tensor
    ) -> [Modality: (found: Tensor, targets: Tensor)] {
        var projected: [Modality: (found: Tensor, targets: Tensor)] = [:]
        for (modality, reader) in readers {
            var (places, targets): ([Int32], [Tensor]) = ([], [])
            for (sample, item) in items.enumerated() {
                for (span, target) in zip(item.sequence.spans, item.targets)
                where span.modality == modality {
                    places += span.elements.map { Int32(sample * time + $0) }
                    targets.append(target)
                }
            }
            let ids = Tensor(places, device: rows.device)
            let shape = [targets.count, reader.config.inputTokens, rows.shape[1]]
            // The states where signal tokens are read, not those that predict them.
            let read = reader.config.hiddenLayers.map { layer in
                states[wanted.firstIndex(of: layer) ?? 0].selected(0, at: ids).reshaped(shape)
            }
            let embedded = rows.selected(0, at: ids).reshaped(shape)
            projected[modality] = (reader(read, embeddings: embedded), Tensor.stack(targets))
        }
        return projected
    }

    /// How far the projected spans are from their captions.
    private func alignment(
        _ task: StageTask, _ readers: [Modality: OutputProjection], _ wanted: [Int],
        _ states: [Tensor], _ rows: Tensor
    ) -> LossTerm? {
        let projected = projected(readers, wanted, states, rows)
        let parts = Modality.allCases.compactMap { modality -> (Float, Tensor)? in
            projected[modality].map {
                (task.stage.alignmentWeight(modality), alignmentLoss($0.found, $0.targets))
            }
        }
        guard let first = parts.first else { return nil }
        // Nearly always a batch has one modality, and the logs show its distance as it is.
        if parts.count == 1 {
            return LossTerm("mse_loss", sum: first.1, per: .spans, weight: first.0)
        }
        let sum = parts.dropFirst().reduce(first.1 * first.0) { $0 + $1.1 * $1.0 }
        return LossTerm("mse_loss", sum: sum, per: .spans)
    }

    private func accuracy(_ logits: Tensor) -> (correct: Int, counted: Int) {
        let found = logits.argMax().integers()
        let correct = found.indices.count { counts[$0] && found[$0] == Int(labels[$0]) }
        return (correct, counts.count { $0 })
    }
}
