import Dialogue
import ModelZoo
import TensorCore

extension RecordConverter {
    /// A medium and its caption: CC3M, WebVid, AudioCaps and what is laid out like them, as JSON, as
    /// the tables they are published in, or as shards.
    ///
    /// Stage 1 shows the medium and trains the caption; stage 2 asks by the caption and trains it
    /// again with the signal after it.
    func pair(_ record: Record) throws -> DialogueSample {
        guard let modality = entry.type.medium else {
            throw record.fault(
                "the type \(entry.type.rawValue)", expected: "one with a medium",
                mend: "Give '\(entry.name)' another type or loader in the catalog.")
        }
        let (original, medium) = try captioned(record, modality)
        let caption = cleanedCaption(original)
        guard !caption.isEmpty else {
            throw record.fault("a caption without words", expected: "some")
        }
        if entry.type.input != nil {
            let question: [Part] = [.medium(modality, name: medium.name), .text(prompt)]
            return sample(
                record, [Message(.human, question), Message(.assistant, caption)],
                media: [medium])
        }
        return sample(
            record,
            [
                Message(.human, caption),
                Message(.assistant, [.text(caption), .signal(modality)]),
            ],
            targets: [CaptionTarget(modality: modality, caption: original, name: medium.name)])
    }

    /// The caption as it stands, and the medium.
    func captioned(
        _ record: Record, _ modality: Modality
    ) throws -> (caption: String, medium: MediaReference) {
        for ending in SourceKeys.endings[modality] ?? [] {
            guard let member = record.members[ending] else { continue }
            return (try record.requiredText(SourceKeys.caption), .init(modality, member))
        }
        if let name = try record.text(SourceKeys.name(of: modality)) {
            guard !name.isEmpty else { throw record.fault("an empty name", expected: "a file's") }
            return (
                try record.requiredText(SourceKeys.caption),
                medium(modality, name)
            )
        }
        switch modality {
        case .image:
            guard var url = try record.text(["url", "image_url"]) else { break }
            var caption = try record.requiredText(SourceKeys.caption)
            // Some copies have the two columns in the other order.
            if caption.hasPrefix("http"), !url.hasPrefix("http") { (url, caption) = (caption, url) }
            // img2dataset numbers its files by the rows, ten thousand to a folder.
            let row = String(record.place.record)
            let name = String(repeating: "0", count: max(0, 9 - row.count)) + row + ".jpg"
            return (
                caption,
                medium(modality, name, alternatives: ["\(name.prefix(5))/\(name)"])
            )
        case .video:
            guard let id = try record.text(["videoid"]) else { break }
            let folder = try record.text(["page_dir"]) ?? ""
            return (
                try record.requiredText(["name"] + SourceKeys.caption),
                medium(
                    modality, "\(id).mp4",
                    alternatives: folder.isEmpty ? [] : ["\(folder)/\(id).mp4"])
            )
        case .audio:
            guard let id = try record.text(["audiocap_id"]) else { break }
            return (
                try record.requiredText(SourceKeys.caption),
                medium(modality, "\(id).wav")
            )
        }
        throw record.fault("no '\(modality.rawValue)_name'", expected: "the name of a file there")
    }
}
