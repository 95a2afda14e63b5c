import Dialogue
import ModelZoo
import TensorCore

extension RecordConverter {
    /// MosIT: turns with media on both sides, several in one, as tags in the text.
    ///
    /// In an answer `<Image>name</Image>` becomes the signal, with the caption from the record's
    /// lists as its target; in a question it becomes the medium where the file is there, and the
    /// caption in words where it is not; the sample counts those. A name that leaves the folder, or a
    /// folder that is closed to us, is an error. Lower-case tags repeat captions and go with their content.
    func mosIT(_ record: Record) throws -> DialogueSample {
        let captions = try captionsByName(record)
        var messages: [Message] = []
        var media: [MediaReference] = []
        var targets: [CaptionTarget] = []
        var absent = 0
        for (index, turn) in (try record.array(SourceKeys.turns) ?? []).enumerated() {
            let role: Role = index.isMultiple(of: 2) ? .human : .assistant
            try check(role, of: turn, index, record)
            var parts: [Part] = []
            for piece in try taggedPieces(of: record.requiredText(["value"], in: turn), record) {
                switch piece {
                case .text(let text): parts.append(.text(text))
                case .tagged(let modality, let name):
                    let caption = captions[name]
                    if role == .human, entry.mediaRoot != nil {
                        let medium = medium(modality, name)
                        if try medium.isThere() {
                            media.append(medium)
                            parts.append(.medium(modality, name: name))
                            continue
                        }
                        absent += 1
                    }
                    guard let caption, !caption.isEmpty else {
                        throw DatasetError.mediaMismatch(
                            record.place, found: "the \(modality.rawValue) '\(excerpt(name))'",
                            expected: "its caption in '\(modality.rawValue)_list'")
                    }
                    if role == .human {
                        parts.append(.text(caption))
                    } else {
                        parts.append(.signal(modality))
                        targets.append(
                            CaptionTarget(
                                modality: modality, caption: caption, name: baseName(name)))
                    }
                }
            }
            messages.append(Message(role, parts))
        }
        if messages.last?.role == .human { messages.removeLast() }
        guard !messages.isEmpty else {
            throw record.fault("no 'conversation'", expected: "one of two turns or more")
        }
        return sample(record, messages, media: media, targets: targets, absentMedia: absent)
    }

    private func captionsByName(_ record: Record) throws -> [String: String] {
        var captions: [String: String] = [:]
        for modality in Modality.allCases {
            for medium in try record.array(["\(modality.rawValue)_list"]) ?? [] {
                guard case .object = medium else {
                    throw record.fault(
                        "\(medium.kind) in '\(modality.rawValue)_list'", expected: "an object")
                }
                let name = try record.requiredText(
                    SourceKeys.name(of: modality), in: medium)
                captions[name] = try record.text(SourceKeys.caption, in: medium)
            }
        }
        return captions
    }

    private enum Piece {
        case text(String)
        case tagged(Modality, String)
    }

    /// A text cut at its tags.
    private func taggedPieces(of text: String, _ record: Record) throws -> [Piece] {
        var pieces: [Piece] = []
        var rest = text[...]
        var plain = ""
        while let open = rest.firstIndex(of: "<") {
            plain += rest[..<open]
            rest = rest[open...]
            guard let (modality, name) = tag(at: rest) else {
                plain += "<"
                rest = rest.dropFirst()
                continue
            }
            let body = rest.dropFirst(name.count + 2)
            guard let close = body.firstRange(of: "</\(name)>") else {
                throw DatasetError.mediaMismatch(
                    record.place, found: "'<\(name)>' without an end", expected: "'</\(name)>'")
            }
            if name.first?.isUppercase == true {
                if !plain.isEmpty { pieces.append(.text(plain)) }
                plain = ""
                pieces.append(.tagged(modality, String(body[..<close.lowerBound])))
            }
            rest = body[close.upperBound...]
        }
        plain += rest
        if !plain.isEmpty { pieces.append(.text(plain)) }
        return pieces
    }

    /// The tag that a text begins with, as it is spelled.
    private func tag(at text: Substring) -> (Modality, String)? {
        for modality in Modality.allCases {
            let lower = modality.rawValue
            for name in [lower.prefix(1).uppercased() + lower.dropFirst(), lower]
            where text.hasPrefix("<\(name)>") {
                return (modality, name)
            }
        }
        return nil
    }
}
