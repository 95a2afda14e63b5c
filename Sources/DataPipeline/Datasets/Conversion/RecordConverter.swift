import Dialogue
import ModelZoo

/// Records of every published layout to samples of one. Which layout a record has shows in its
/// names, so a dataset as downloaded and as `southgpt-preprocess` writes it read alike.
struct RecordConverter: Sendable {
    let entry: DatasetEntry
    let prompt: String

    /// What the fields of a table without names are: CC3M's only.
    var unnamedColumns: [String]? {
        entry.format == .pair && entry.type.medium == .image ? ["caption", "url"] : nil
    }

    func sample(from record: Record) throws -> DialogueSample {
        switch entry.format {
        case .pair: try pair(record)
        case .mosit: try mosIT(record)
        case .t2x, .tx2t:
            if record.fields["QA"] != nil {
                try videoChat(record)
            } else if record.fields["instruction"] != nil, record.first(SourceKeys.turns) == nil {
                try alpaca(record)
            } else {
                try conversation(record)
            }
        }
    }

    func sample(
        _ record: Record, _ messages: [Message], media: [MediaReference] = [],
        targets: [CaptionTarget] = [], absentMedia: Int = 0
    ) -> DialogueSample {
        DialogueSample(
            place: record.place, type: entry.type, messages: messages, media: media,
            targets: targets, embeddings: entry.embeddings, absentMedia: absentMedia)
    }

    /// A medium of the entry's folder, which may also lie there by its base name. A catalog that
    /// names no folder is found out when the medium is opened: captions alone need none.
    func medium(
        _ modality: Modality, _ name: String, alternatives: [String] = []
    ) -> MediaReference {
        MediaReference(
            modality, name, in: entry.mediaRoot ?? "mm_root_path of '\(entry.name)'",
            alternatives: alternatives + [baseName(name)])
    }

    /// Alpaca: an instruction, often with an input, and an output. The two questions are joined by
    /// a line break, which the original forgot.
    private func alpaca(_ record: Record) throws -> DialogueSample {
        let instruction = try record.requiredText(["instruction"])
        let input = try record.text(["input"]) ?? ""
        let question = input.isEmpty ? instruction : "\(instruction)\n\(input)"
        return sample(
            record,
            [
                Message(.human, question),
                Message(.assistant, try record.requiredText(["output"])),
            ])
    }

    /// VideoChat: questions and answers about a clip of WebVid, the first with a hint (`i`).
    private func videoChat(_ record: Record) throws -> DialogueSample {
        let clip = medium(.video, try record.requiredText(["video", "video_name"]))
        var messages: [Message] = []
        for pair in try record.array(["QA"]) ?? [] {
            var question = try record.requiredText(["q"], in: pair)
            let answer = try record.requiredText(["a"], in: pair)
            if messages.isEmpty, let hint = try record.text(["i"], in: pair), !hint.isEmpty {
                question = "\(hint)\n\(question)"
            }
            let shown: [Part] =
                messages.isEmpty ? [.medium(.video, name: clip.name)] : []
            messages.append(Message(.human, shown + [.text(question)]))
            messages.append(Message(.assistant, answer))
        }
        guard !messages.isEmpty else {
            throw record.fault("no questions under 'QA'", expected: "one or more")
        }
        return sample(record, messages, media: [clip])
    }
}
