import DataPipeline
import MediaIO
import ModelZoo
import SouthGPT
import TensorCore

/// The media that the datasets have, read as those that the model made are: what retrieval looks
/// for, what Fréchet distances are from, and what shows how far judges and measurements can be
/// trusted.
struct RealMedia {
    struct Medium {
        let modality: Modality
        let caption: String
        let reference: MediaReference
        let key: String
        let reading: MediumReading
        /// The embedding of its caption.
        let text: [Float]?
        var embedding: [Float]? { reading.embedding }
    }

    private let all: [Medium]
    /// Why some are not there.
    let unreadable: [String]
    private let plan: EvaluationPlan

    /// Reads the media of the records that the evaluation is about.
    ///
    /// - Throws: what is no fault of a single record
    init(
        _ run: EvaluationRun, plan: EvaluationPlan, judges: [Modality: Judge],
        _ progress: (Int, Int) throws -> Void, embed: (EmbeddingInput) throws -> [Float]?
    ) throws {
        self.plan = plan
        let shown = run.datasets.filter { $0.entry.type.medium != nil }
        func read(_ dataset: DialogueDataset, _ number: Int) throws -> Medium? {
            let pair = try EvaluationPair(dataset, number)
            guard let reference = pair.medium else { return nil }
            let reading = try reference.withPath { path in
                try plan.read(path, pair.modality, judge: judges[pair.modality], embed: embed)
            }
            return Medium(
                modality: pair.modality, caption: pair.caption, reference: reference,
                key: "\(dataset.entry.name)/\(number)", reading: reading,
                text: try embed(.text(pair.caption)))
        }
        let total = shown.reduce(0) { $0 + $1.spread(run.settings.limit).count }
        var (media, unreadable, done): ([Medium], [String], Int) = ([], [], 0)
        for dataset in shown {
            for number in dataset.spread(run.settings.limit) {
                try progress(done, total)
                done += 1
                do {
                    if let medium = try read(dataset, number) { media.append(medium) }
                } catch let error as MediaError {
                    unreadable.append("\(error)")
                } catch let error as DatasetError {
                    unreadable.append("\(error)")
                }
            }
        }
        all = media
        self.unreadable = unreadable
    }

    func media(_ modality: Modality) -> [Medium] { all.filter { $0.modality == modality } }

    /// The medium of a record.
    func medium(_ key: String) -> Medium? { all.first { $0.key == key } }

    func entries(_ modality: Modality) -> [MediaScores.Entry] {
        media(modality).map { medium in
            MediaScores.Entry(
                key: medium.key, shown: plan.slots[modality]?.read(medium.caption) ?? [:],
                reading: medium.reading, caption: medium.text)
        }
    }
}

extension EvaluationPlan {
    /// Everything that can be told of a medium.
    ///
    /// - Throws: `MediaError`
    func read(
        _ path: String, _ modality: Modality, judge: Judge?,
        embed: (EmbeddingInput) throws -> [Float]?
    ) throws -> MediumReading {
        var reading = MediumReading()
        if let judge {
            let verdict = try judge.verdict(on: path)
            reading.judged = verdict.values
            reading.features = verdict.features
        }
        try measure(path, modality, in: &reading)
        reading.embedding = try embed(.medium(MediumFile(modality, path)))
        return reading
    }
}
