import Dialogue
import ModelZoo
import TensorCore

/// A dialogue in the unified format, which the README's `preprocess_dataset.py` writes and its
/// stage 3 reads.
///
/// It has one name for the media and the embeddings of a dialogue, and one signal an answer. What
/// does not fit that is refused, never written in part.
struct UnifiedRecord {
    /// The record on one line.
    let json: String

    /// Writes a dialogue, and reads it back to see that nothing was lost.
    ///
    /// - Throws: `DatasetError.badRecord`
    init(_ sample: DialogueSample, of entry: DatasetEntry, limits: RecordLimits) throws {
        json = UnifiedRecord.json(of: sample)
        let again = try RecordConverter(entry: entry, prompt: "").sample(
            from: Record(json: Array(json.utf8), place: sample.place, limits: limits))
        let lost =
            again.messages != sample.messages
            ? "turns" : again.media != sample.media ? "media" : "targets"
        guard again.messages == sample.messages, again.media == sample.media,
            again.targets == sample.targets
        else {
            throw DatasetError.badRecord(
                sample.place, found: "\(lost) that the unified format has no place for",
                expected:
                    "media in the first question alone, and embeddings filed under their name",
                mend: "Name the file itself as data_path in the catalog: it is read as it is.")
        }
    }

    private static func json(of sample: DialogueSample) -> String {
        let shown = sample.media.first
        // The original's name for "no medium".
        let name = shown?.name ?? sample.targets.first?.name ?? "00000000000"
        let names =
            sample.media.count > 1
            ? "[\(sample.media.map { OrderedJSON.quoted($0.name) }.joined(separator: ", "))]"
            : OrderedJSON.quoted(name)
        var targets = sample.targets[...]
        var turns: [String] = []
        for (index, message) in sample.messages.enumerated() {
            let value = OrderedJSON.quoted(message.text)
            if message.role == .human {
                let input = index == 0 ? shown?.modality.rawValue ?? "text" : "text"
                turns.append(
                    "{\"from\": \"human\", \"value\": \(value), \"input_modality\": \"\(input)\"}")
            } else {
                let signals = message.parts.contains {
                    if case .signal = $0 { true } else { false }
                }
                let target = signals ? targets.popFirst() : nil
                turns.append(
                    "{\"from\": \"gpt\", \"value\": \(value), "
                        + "\"caption\": \(OrderedJSON.quoted(target?.caption ?? "")), "
                        + "\"output_modality\": \"\(target?.modality.rawValue ?? "text")\"}")
            }
        }
        let output = sample.targets.first?.modality.rawValue ?? "text"
        return
            "{\"image_name\": \(names), \"output_modality\": \"\(output)\", "
            + "\"conversation\": [\(turns.joined(separator: ", "))]}"
    }
}
