public import DataPipeline
import Dialogue
public import ModelZoo

/// A medium and what is said of it, as a record of a dataset has them.
public struct EvaluationPair: Sendable {
    /// The record among those of its dataset.
    public let number: Int
    /// The medium; nil where the record has a caption alone.
    public let medium: MediaReference?
    /// What the caption is of.
    public let modality: Modality
    /// What is said of it.
    public let caption: String

    /// Record `number` of a dataset.
    ///
    /// - Throws: `DatasetError.badRecord`; `EvaluationError.noCaption` for a record of dialogues
    public init(_ dataset: DialogueDataset, _ number: Int) throws {
        guard let modality = dataset.entry.type.medium else {
            throw EvaluationError.noCaption(dataset: dataset.entry.name)
        }
        self.number = number
        self.modality = modality
        if dataset.entry.format == .pair {
            let pair = try dataset.captioned(number)
            caption = pair.caption
            medium = pair.medium.exists ? pair.medium : nil
            return
        }
        let sample = try dataset.sample(number)
        let answer = sample.messages.first { $0.role == .assistant }?.text
        caption = sample.targets.first?.caption ?? answer ?? ""
        medium = sample.media.first { $0.modality == modality }
    }
}
