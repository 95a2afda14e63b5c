public import Dialogue
import ModelZoo

/// A sample as training sees it, element by element: what `southgpt-preprocess --show` prints.
public struct SampleTable: Codable, Equatable, Sendable {
    /// One element of the sequence.
    public struct Row: Codable, Equatable, Sendable {
        /// The token's id; nil for a medium.
        public let id: Int?
        /// The token as the vocabulary has it, or the medium's name.
        public let text: String
        /// What should have been predicted here; -100 where nothing is learnt.
        public let label: Int
    }

    /// Where the sample stands.
    public let place: RecordPlace
    /// What became of it at the length that it was cut to.
    public let fit: SequenceFit
    /// The elements; none of a sample that is dropped.
    public let rows: [Row]
    /// The captions of its signals, in reading order.
    public let targets: [String]

    /// Lays a sample out.
    ///
    /// - Throws: `DialogueError`
    public init(_ sample: DialogueSample, layout: SequenceLayout, maxLength: Int) throws {
        let (sequence, fit) = try layout.sequence(of: sample.messages).fitted(to: maxLength)
        (place, self.fit) = (sample.place, fit)
        rows = (sequence?.elements.indices.map { $0 } ?? []).compactMap { index in
            guard let sequence else { return nil }
            let label = sequence.labels[index] ?? -100
            switch sequence.elements[index] {
            case .token(let id):
                return Row(id: id, text: layout.tokenizer.token(id) ?? "?", label: label)
            case .medium(let number):
                let medium = sequence.media[number]
                return Row(
                    id: nil, text: "<\(medium.modality.rawValue) \(medium.name)>", label: label)
            }
        }
        let kept = sequence?.spans.map(\.signal) ?? []
        targets = kept.map {
            "\(sample.targets[$0].modality.rawValue): \(sample.targets[$0].caption)"
        }
    }
}

extension SampleTable: CustomStringConvertible {
    /// The table for a terminal, with a count of what is masked.
    public var description: String {
        let masked = rows.count { $0.label == -100 }
        var lines = [
            "\(place), \(fit.rawValue): \(rows.count) positions, \(masked) masked (-100), "
                + "\(rows.count - masked) learnt"
        ]
        for (position, row) in rows.enumerated() {
            let id = row.id.map(String.init) ?? "E"
            lines.append(
                padded(position, 5) + padded(id, 8) + padded(row.label, 8) + "  "
                    + excerpt(row.text))
        }
        return (lines + targets.map { "target  \(excerpt($0, limit: 200))" }).joined(
            separator: "\n")
    }

    private func padded(_ value: some CustomStringConvertible, _ width: Int) -> String {
        let text = "\(value)"
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
