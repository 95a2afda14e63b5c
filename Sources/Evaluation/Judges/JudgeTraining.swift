public import DataPipeline
import Glibc
import ModelZoo
import TensorCore

/// The making of a judge: it learns from the media of datasets whose captions fill all slots.
public struct JudgeTraining: Sendable {
    /// What a judge is to look at and answer.
    public let config: JudgeConfig
    /// Times that it sees every medium.
    public let epochs: Int
    /// Where its weights and the order of media come from.
    public let seed: UInt64
    private let batchSize = 32
    private let rate = 2e-3

    /// A plan.
    public init(_ config: JudgeConfig, epochs: Int = 12, seed: UInt64 = 13) {
        precondition(epochs > 0, "JudgeTraining: \(epochs) epochs")
        (self.config, self.epochs, self.seed) = (config, epochs, seed)
    }

    /// How far it is.
    public enum Progress: Sendable {
        case reading(Int, of: Int)
        case learning(step: Int, of: Int, loss: Double)
        case trying(Int, of: Int)
    }

    /// Reads the media, learns, and tries the result on media that it did not learn from.
    ///
    /// - Parameter report: what it throws ends the run
    /// - Throws: `DatasetError`, `MediaError`; `EvaluationError.tooFewMedia` where captions fill
    ///   the slots of too few
    public func run(
        on datasets: [DialogueDataset], heldOut: [DialogueDataset],
        report: (Progress) throws -> Void = { _ in }
    ) throws -> Judge {
        let lessons = try read(datasets) { try report(.reading($0, of: $1)) }
        guard lessons.count >= 2 * batchSize else {
            throw EvaluationError.tooFewMedia(
                config.modality, found: lessons.count, expected: 2 * batchSize,
                datasets: datasets.map(\.entry.name))
        }
        let network = try JudgeNetwork(config, from: .fresh(seed: seed))
        try learn(network, lessons, report)
        let trial = try read(heldOut) { try report(.trying($0, of: $1)) }
        var hash = SHA256()
        for parameter in network.parameters {
            parameter.value.withBytes { hash.update($0) }
        }
        let blank = JudgeRecord(
            trainedOn: [], heldOut: [], media: 0, epochs: 0, accuracy: [], fingerprint: "")
        let verdicts = try trial.enumerated().map { index, lesson in
            try report(.trying(index, of: trial.count))
            return Judge(network, blank).verdict(of: lesson.input)
        }
        let accuracy = config.slots.enumerated().map { place, slot in
            JudgeRecord.Accuracy(
                slot: slot.name,
                right: zip(trial, verdicts).count { lesson, verdict in
                    verdict.values[slot.name] == slot.values[Int(lesson.answers[place])]
                }, count: trial.count)
        }
        return Judge(
            network,
            JudgeRecord(
                trainedOn: datasets.map(\.entry.name), heldOut: heldOut.map(\.entry.name),
                media: lessons.count, epochs: epochs, accuracy: accuracy,
                fingerprint: hash.hexadecimal))
    }

    /// A medium, and of each slot which value it shows.
    private struct Lesson {
        let input: Tensor
        let answers: [Int32]
    }

    private func read(
        _ datasets: [DialogueDataset], _ report: (Int, Int) throws -> Void
    ) throws -> [Lesson] {
        let slots = Slots(
            Dictionary(uniqueKeysWithValues: config.slots.map { ($0.name, $0.values) }))
        let total = datasets.reduce(0) { $0 + $1.count }
        var (lessons, seen): ([Lesson], Int) = ([], 0)
        for dataset in datasets {
            for index in 0..<dataset.count {
                try report(seen, total)
                seen += 1
                let pair = try EvaluationPair(dataset, index)
                guard let medium = pair.medium, medium.modality == config.modality else {
                    continue
                }
                let said = slots.read(pair.caption)
                let answers = config.slots.compactMap { slot in
                    said[slot.name].flatMap(slot.values.firstIndex).map { Int32($0) }
                }
                guard answers.count == config.slots.count else { continue }
                // Half the memory: a small world of clips has some hundred million pixels.
                let input = try medium.withPath { try config.input($0) }.cast(to: .float16)
                lessons.append(Lesson(input: input, answers: answers))
            }
        }
        return lessons
    }

    private func learn(
        _ network: JudgeNetwork, _ lessons: [Lesson], _ report: (Progress) throws -> Void
    ) throws {
        let perEpoch = lessons.count / batchSize
        let steps = epochs * perEpoch
        let moments = network.parameters.map { AdamWMoments(of: $0.value) }
        var (mean, count) = (0.0, 0)
        for step in 0..<steps {
            let (epoch, place) = step.quotientAndRemainder(dividingBy: perEpoch)
            let order = Permutation(count: lessons.count, seed: seed &+ UInt64(epoch))
            let batch = (0..<batchSize).map { lessons[order[place * batchSize + $0]] }
            var gradients = Gradients()
            withGradients {
                let loss = self.loss(network, batch, step)
                mean += Double(loss.item())
                count += 1
                gradients = loss.backward()
            }
            gradients.clip(toNorm: 1)
            let warm = min(1, Double(step + 1) / Double(max(1, steps / 20)))
            let fall = 0.5 * (1 + cos(.pi * Double(step) / Double(steps)))
            for (parameter, moments) in zip(network.parameters, moments) {
                guard let gradient = gradients[parameter] else { continue }
                parameter.replace(
                    with: moments.step(
                        parameter.value, along: gradient,
                        AdamWStep(
                            number: step + 1, learningRate: rate * warm * fall, weightDecay: 0.02)))
            }
            if (step + 1).isMultiple(of: 10) || step + 1 == steps {
                try report(.learning(step: step + 1, of: steps, loss: mean / Double(count)))
                (mean, count) = (0, 0)
            }
        }
    }

    /// The mean over slots of the cross-entropy of media as they might have come out: a little
    /// noisy, brighter or darker, louder or softer.
    private func loss(_ network: JudgeNetwork, _ batch: [Lesson], _ step: Int) -> Tensor {
        var generator = CounterGenerator(seed: seed &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(step))
        let shape = [batch.count] + batch[0].input.shape
        let shifts = generator.uniform(batch.count).map { ($0 - 0.5) * 0.1 }
        let levels = generator.uniform(batch.count).map { $0 * 0.1 }
        let noise = Tensor(generator.normal(shape.elementCount), shape)
        let perSample = [batch.count, 1, 1, 1, 1]
        let media =
            Tensor.stack(batch.map { $0.input.cast(to: .float32) }) + Tensor(shifts, perSample)
            + noise * Tensor(levels, perSample)
        let dropout = Dropout(
            rate: 0.2,
            samples: batch.indices.map {
                CounterGenerator(seed: seed &+ UInt64(step * batchSize + $0) &* 0x2545_f491)
            })
        let answers = network.logits(network.features(media, dropout: dropout))
        let losses = answers.enumerated().map { slot, logits in
            logits.crossEntropy(Tensor(batch.map { $0.answers[slot] }, [batch.count]))
        }
        return losses.dropFirst().reduce(losses[0], +) / Float(losses.count)
    }
}
