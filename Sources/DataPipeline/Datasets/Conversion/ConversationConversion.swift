import Dialogue
import ModelZoo
import TensorCore

extension RecordConverter {
    /// Turns of a human and a model: the unified format, LLaVA's own, and T-T+X in all its spellings.
    ///
    /// The first human turn may show media, before its text. An answer whose `output_modality` is a
    /// medium ends in that medium's signal, and its `caption` says what is meant.
    func conversation(_ record: Record) throws -> DialogueSample {
        guard let turns = try record.array(SourceKeys.turns), !turns.isEmpty else {
            throw record.fault("no 'conversation'", expected: "one of two turns or more")
        }
        var messages: [Message] = []
        var media: [MediaReference] = []
        var targets: [CaptionTarget] = []
        for (index, turn) in turns.enumerated() {
            guard case .object = turn else {
                throw record.fault("\(turn.kind) as turn \(index + 1)", expected: "an object")
            }
            let role: Role = index.isMultiple(of: 2) ? .human : .assistant
            try check(role, of: turn, index, record)
            var text = try record.requiredText(["value"], in: turn)
            switch role {
            case .human:
                var parts: [Part] = []
                if index == 0 {
                    media = try shown(by: turn, record)
                    text = try withoutMarkers(text, media.map(\.modality), record)
                    parts = media.map { .medium($0.modality, name: $0.name) }
                } else {
                    try refuseMarkers(in: text, turn: index + 1, media, record)
                }
                messages.append(Message(.human, parts + [.text(text)]))
            case .assistant:
                let output = try output(of: turn, record)
                if let output {
                    targets.append(
                        try target(output, turn, number: targets.count, record))
                }
                messages.append(
                    Message(.assistant, [.text(text)] + (output.map { [.signal($0)] } ?? [])))
            }
        }
        guard messages.count > 1 else {
            throw record.fault("a question without an answer", expected: "both")
        }
        // A last question that nobody answers teaches nothing.
        if messages.last?.role == .human { messages.removeLast() }
        return sample(record, messages, media: media, targets: targets)
    }

    func check(_ role: Role, of turn: OrderedJSON, _ index: Int, _ record: Record) throws {
        let found = try record.requiredText(["from", "role"], in: turn)
        let names = role == .human ? ["human", "user"] : ["gpt", "assistant", "chatgpt"]
        guard names.contains(found.lowercased()) else {
            throw record.fault(
                "turn \(index + 1) from '\(excerpt(found))'", expected: "'\(names[0])'",
                mend: "Human and model take turns, and the human begins.")
        }
    }

    /// The media that the first turn shows.
    private func shown(by turn: OrderedJSON, _ record: Record) throws -> [MediaReference] {
        let stated = try record.text(["input_modality"], in: turn)?.lowercased()
        if stated == "text" { return [] }
        var modality = entry.type.input
        if let stated {
            guard let named = Modality(rawValue: stated) else {
                throw record.fault(
                    "the input_modality '\(excerpt(stated))'",
                    expected: "text, image, video or audio")
            }
            modality = named
        }
        // Only a dataset of questions about media shows any unless a turn says so.
        guard let modality else { return [] }
        for ending in SourceKeys.endings[modality] ?? [] {
            if let member = record.members[ending] { return [.init(modality, member)] }
        }
        // `image_name` holds clips and sounds too in the unified format.
        let keys = SourceKeys.name(of: modality) + SourceKeys.anyName + ["image"]
        guard let (key, value) = record.first(keys) else {
            guard stated == nil else {
                throw DatasetError.mediaMismatch(
                    record.place, found: "an input_modality '\(modality.rawValue)' and no file",
                    expected: "its name under '\(modality.rawValue)_name'")
            }
            return []
        }
        let names: [OrderedJSON] = if case .array(let names) = value { names } else { [value] }
        return try names.map { medium(modality, try record.text($0, called: key)) }
    }

    private static func marker(of modality: Modality) -> String { "<\(modality.rawValue)>" }

    /// Text about markup may hold `<image>`; only LLaVA's own files use it as a marker.
    private func usesMarkers(_ record: Record, _ media: [Modality]) -> Bool {
        !media.isEmpty || record.fields["conversations"] != nil
    }

    /// All media of a dialogue are shown with its first question: a marker in a later one stands for
    /// none of them.
    private func refuseMarkers(
        in text: String, turn: Int, _ media: [MediaReference], _ record: Record
    ) throws {
        guard usesMarkers(record, media.map(\.modality)) else { return }
        for marker in Modality.allCases.map(RecordConverter.marker) where text.contains(marker) {
            throw DatasetError.mediaMismatch(
                record.place, found: "'\(marker)' in turn \(turn)",
                expected: "markers in the first question alone")
        }
    }

    /// A question without the markers, such as `<image>`, that stand for its media.
    private func withoutMarkers(
        _ text: String, _ media: [Modality], _ record: Record
    ) throws -> String {
        var text = text
        guard usesMarkers(record, media) else { return text }
        for modality in Modality.allCases {
            let marker = RecordConverter.marker(of: modality)
            let pieces = text.split(separator: marker, omittingEmptySubsequences: false)
            let shown = media.count { $0 == modality }
            guard pieces.count > 1 else { continue }
            guard pieces.count - 1 == shown else {
                throw DatasetError.mediaMismatch(
                    record.place, found: "\(pieces.count - 1) '\(marker)' in the first question",
                    expected: "\(shown), one for each file")
            }
            text = pieces.map { piece in
                String(piece.trimmingSpace)
            }.filter { !$0.isEmpty }.joined(separator: " ")
        }
        return text
    }

    /// The medium that an answer asks for.
    private func output(of turn: OrderedJSON, _ record: Record) throws -> Modality? {
        guard let stated = try record.text(["output_modality"], in: turn)?.lowercased() else {
            let hasCaption = try record.text(["caption"], in: turn).map { !$0.isEmpty } ?? false
            return hasCaption ? entry.type.output : nil
        }
        guard stated != "text" else { return nil }
        guard let modality = Modality(rawValue: stated) else {
            throw record.fault(
                "the output_modality '\(excerpt(stated))'", expected: "text, image, video or audio"
            )
        }
        return modality
    }

    private func target(
        _ modality: Modality, _ turn: OrderedJSON, number: Int, _ record: Record
    ) throws -> CaptionTarget {
        guard let caption = try record.text(["caption"], in: turn), !caption.isEmpty else {
            throw DatasetError.mediaMismatch(
                record.place, found: "an answer with \(modality.rawValue) and no caption",
                expected: "what it shows under 'caption'")
        }
        var name = baseName(try dialogueName(record))
        // One file for each answer of a dialogue that has several.
        if number > 0 {
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            let (stem, ending) = (parts.dropLast(), parts.suffix(1))
            name = (stem + ["\(number + 1)"] + ending).joined(separator: ".")
        }
        return CaptionTarget(modality: modality, caption: caption, name: name)
    }

    /// What a T-T+X dialogue's embeddings are filed under.
    private func dialogueName(_ record: Record) throws -> String {
        if let name = try record.text(SourceKeys.anyName), !name.isEmpty { return name }
        if let source = record.fields["source_data"],
            let id = try record.text(["audiocap_id"], in: source)
        {
            return "\(id).wav"
        }
        throw record.fault(
            "no '\(SourceKeys.anyName.joined(separator: "', '"))'",
            expected: "a name that the caption's embedding is filed under")
    }
}

extension Substring {
    fileprivate var trimmingSpace: Substring {
        var text = self.drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
