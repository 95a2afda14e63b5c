import DataPipeline
import Dialogue
import FoundationEssentials
import ModelZoo
import SouthGPT
import TensorCore

/// Asks a model one thing, in a conversation of its own.
struct Questioner {
    let model: MultimodalModel
    let settings: EvaluationSettings
    /// The evaluation's folder.
    let folder: String
    /// Told with every token and denoising step; what it throws ends the work.
    let pulse: () throws -> Void

    /// What came of an item. A record whose own medium or text is at fault is no reason to stop.
    ///
    /// - Throws: what is not the record's fault
    func callAsFunction(_ item: EvaluationItem) throws -> EvaluationRecord {
        do {
            return try ask(item)
        } catch let error as DatasetError {
            return failed(item, "\(error)")
        } catch let error as MediaFault {
            return failed(item, error.text)
        }
    }

    /// A medium of a dataset that cannot be read.
    private struct MediaFault: Error {
        let text: String
    }

    private func failed(_ item: EvaluationItem, _ text: String) -> EvaluationRecord {
        var record = blank(item, question: "", caption: "", given: nil, wanted: [])
        record.failure = text
        return record
    }

    private func blank(
        _ item: EvaluationItem, question: String, caption: String, given: Modality?,
        wanted: [Modality]
    ) -> EvaluationRecord {
        EvaluationRecord(
            id: item.id, task: item.task, dataset: item.dataset.entry.name, number: item.number,
            question: question, caption: caption, given: given, wanted: wanted)
    }

    private func ask(_ item: EvaluationItem) throws -> EvaluationRecord {
        if item.task == .choose { return try choose(item) }
        let pair = try EvaluationPair(item.dataset, item.number)
        let plan = settings.plan
        switch item.task {
        case .describe:
            let record = blank(
                item, question: plan.question(pair.modality), caption: pair.caption,
                given: pair.modality, wanted: [])
            return try answered(record, item, pair.medium)
        case .make:
            let record = blank(
                item, question: plan.request(pair.modality, pair.caption), caption: pair.caption,
                given: nil, wanted: [pair.modality])
            return try answered(record, item, nil)
        case .chain:
            guard let chain = item.chain else { preconditionFailure("\(item.id): no chain") }
            let record = blank(
                item, question: chain.request, caption: pair.caption, given: chain.from,
                wanted: [chain.to])
            return try answered(record, item, pair.medium)
        case .decode:
            var record = blank(
                item, question: pair.caption, caption: pair.caption, given: nil,
                wanted: [pair.modality])
            let medium = try model.medium(
                pair.modality, prompt: pair.caption, options: options(item),
                onStep: { _ in try pulse() })
            record.made = [medium.modality]
            record.file = try keep(medium, item)
            return record
        case .choose, .retrieve: preconditionFailure("\(item.id): nothing to ask")
        }
    }

    /// What the model itself says to a question, with its own choice of what to make.
    private func answered(
        _ record: EvaluationRecord, _ item: EvaluationItem, _ medium: MediaReference?
    ) throws -> EvaluationRecord {
        guard let medium else { return try reply(record, item, []) }
        return try medium.withPath { path in
            do {
                // A medium that cannot be decoded is the record's fault, all that follows is not.
                _ = try model.encoderInput(MediumFile(medium.modality, path))
            } catch {
                throw MediaFault(text: "\(error)")
            }
            return try reply(record, item, [MediumFile(medium.modality, path)])
        }
    }

    private func reply(
        _ record: EvaluationRecord, _ item: EvaluationItem, _ media: [MediumFile]
    ) throws -> EvaluationRecord {
        var record = record
        let response = try Session(model).respond(
            to: Request(record.question, media: media, options: options(item))
        ) { _ in try pulse() }
        record.answer = response.text
        record.made = response.media.map(\.modality)
        if let wanted = record.wanted.first,
            let medium = response.media.first(where: { $0.modality == wanted })
        {
            record.file = try keep(medium, item)
            if media.isEmpty {
                record.finishesSpan = try model.finishesSpan(
                    of: wanted, after: medium.caption, to: record.question)
            }
        }
        return record
    }

    /// The first question of a dialogue; only the kinds of media that come of it count.
    private func choose(_ item: EvaluationItem) throws -> EvaluationRecord {
        let sample = try item.dataset.sample(item.number)
        guard let question = sample.messages.first, sample.messages.count > 1 else {
            return failed(item, "a dialogue without an answer")
        }
        var media = sample.media[...]
        let shown = question.parts.compactMap { part -> MediaReference? in
            if case .medium = part { media.popFirst() } else { nil }
        }
        let wanted = sample.messages[1].parts.compactMap { part -> Modality? in
            if case .signal(let modality) = part { modality } else { nil }
        }
        let record = blank(
            item, question: question.text, caption: sample.messages[1].text,
            given: shown.first?.modality, wanted: wanted)
        return try withPaths(shown) { try reply(record, item, $0) }
    }

    private func withPaths<Result>(
        _ media: [MediaReference], _ found: [MediumFile] = [],
        _ body: ([MediumFile]) throws -> Result
    ) throws -> Result {
        guard let first = media.first else { return try body(found) }
        return try first.withPath { path in
            try withPaths(
                Array(media.dropFirst()), found + [MediumFile(first.modality, path)], body)
        }
    }

    /// Every item has noise of its own.
    private func options(_ item: EvaluationItem) -> GenerationOptions {
        var options = settings.options
        options.seed = (options.seed ?? 13) &+ UInt64(item.number)
        return options
    }

    private func keep(_ medium: GeneratedMedium, _ item: EvaluationItem) throws -> String {
        let name = item.id.map { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" ? $0 : "." }
        let file = "media/\(String(name)).\(medium.fileExtension)"
        try medium.write(to: "\(folder)/\(file)")
        return file
    }
}
