import Dialogue
import ModelZoo
import TensorCore

/// A dialogue in the unified format, which the README's `preprocess_dataset.py` writes and its
/// stage 3 reads.
struct UnifiedRecord {
    /// The record on one line.
    let json: String

    init(_ sample: DialogueSample) {
        let shown = sample.media.first
        // The original's name for "no medium".
        let name = shown?.name ?? sample.targets.first?.name ?? "00000000000"
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
        json =
            "{\"image_name\": \(OrderedJSON.quoted(name)), \"output_modality\": \"\(output)\", "
            + "\"conversation\": [\(turns.joined(separator: ", "))]}"
    }
}
