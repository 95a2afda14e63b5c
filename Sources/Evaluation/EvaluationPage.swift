import DataPipeline
import FoundationEssentials
import ModelZoo
import TensorCore

/// A page of an evaluation, `index.html` in its folder: the scores, and samples to look at and to
/// listen to. It needs the folder's media beside it and nothing else.
struct EvaluationPage {
    private let report: EvaluationReport
    private let records: [EvaluationRecord]
    private let world: RealMedia
    private let folder: String
    /// Samples of each kind that are shown, spread over all.
    private let shown = 12

    init(
        _ report: EvaluationReport, records: [EvaluationRecord], world: RealMedia, folder: String
    ) {
        (self.report, self.records) = (report, records)
        (self.world, self.folder) = (world, folder)
    }

    /// Writes the page, whole or not at all, and copies what it shows of the datasets.
    ///
    /// - Throws: `CheckpointError.unwritable`
    func write() throws {
        let sections = try samples()
        let page = """
            <!doctype html><html lang="en"><meta charset="utf-8">
            <title>\(escaped(report.name)): evaluation</title>
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
            img-src 'self' file:; media-src 'self' file:; style-src 'unsafe-inline'">
            <style>
            body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 68em; \
            padding: 0 1em; color: #222 }
            h2 { border-top: 1px solid #ccc; padding-top: 1em }
            table { border-collapse: collapse } td, th { padding: .15em .9em .15em 0; \
            text-align: left } tr.first td { padding-top: .8em }
            .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(15em, 1fr)); \
            gap: .8em } .card { border: 1px solid #ddd; border-radius: 6px; padding: .6em }
            .card p { margin: .2em 0 } .bad { color: #a22 } small { color: #666 }
            img, video { width: 128px; image-rendering: pixelated; display: block } \
            audio { width: 100% }
            </style>
            <h1>\(escaped(report.name))</h1>
            <p><small>\(escaped(report.model)) · \
            \(escaped(report.datasets.joined(separator: ", "))) · intervals are of 95 %</small></p>
            \(report.remarks.map { "<p class=\"bad\">\(escaped($0))</p>" }.joined(separator: "\n"))
            <table><tr><th>task<th>score<th>by<th>value<th>n</tr>
            \(rows)
            </table>
            \(judges)
            \(sections)
            </html>
            """
        try AtomicFile.write(to: "\(folder)/index.html") { try $0.write(page) }
    }

    private var rows: String {
        var task = ""
        return report.scores.map { score -> String in
            let isFirst = score.task != task
            task = score.task
            return "<tr\(isFirst ? " class=\"first\"" : "")>"
                + "<td>\(isFirst ? escaped(score.task) : "")<td>\(escaped(score.name))"
                + "<td>\(escaped(score.by))<td>\(escaped(score.figure))<td>\(score.count)</tr>"
        }.joined(separator: "\n")
    }

    private var judges: String {
        report.judges.map { judge in
            let lines = judge.record.lines.map { "<li>\(escaped($0))</li>" }.joined()
            return "<h2>Judge of \(judge.modality.rawValue)</h2><ul>\(lines)</ul>"
        }.joined()
    }

    private func samples() throws -> String {
        let kinds = Dictionary(grouping: records) { record in
            let given = record.given?.rawValue ?? "text"
            let wanted = record.wanted.first?.rawValue ?? "text"
            return record.task == .decode
                ? "\(given) → \(wanted), by its text encoder"
                : record.task == .choose ? "dialogues" : "\(given) → \(wanted)"
        }
        return try kinds.sorted { $0.key < $1.key }.map { name, records in
            let step = max(1, records.count / shown)
            let cards = try stride(from: 0, to: records.count, by: step).prefix(shown).map {
                try card(records[$0])
            }
            return "<h2>\(escaped(name))</h2><div class=\"cards\">\(cards.joined())</div>"
        }.joined(separator: "\n")
    }

    private func card(_ record: EvaluationRecord) throws -> String {
        var parts: [String] = []
        if record.given != nil, let medium = world.medium("\(record.dataset)/\(record.number)") {
            parts.append(try element(of: copy(medium), medium.modality))
        }
        parts.append("<p>\(escaped(record.question))</p>")
        if !record.answer.isEmpty { parts.append("<p><b>\(escaped(record.answer))</b></p>") }
        if let file = record.file, let made = record.wanted.first {
            parts.append(element(of: file, made))
        }
        if record.made.map(\.rawValue).sorted() != record.wanted.map(\.rawValue).sorted() {
            let made = record.made.map(\.rawValue).joined(separator: ", ")
            parts.append("<p class=\"bad\">made: \(made.isEmpty ? "nothing" : made)</p>")
        }
        parts.append("<p><small>\(escaped(record.caption))</small></p>")
        return "<div class=\"card\">\(parts.joined())</div>"
    }

    private func element(of file: String, _ modality: Modality) -> String {
        let source = escaped(file)
        return switch modality {
        case .image: "<img src=\"\(source)\" alt=\"\">"
        case .audio: "<audio controls preload=\"none\" src=\"\(source)\"></audio>"
        case .video: "<video controls loop muted src=\"\(source)\"></video>"
        }
    }

    /// A medium of the dataset under a name of ours in the folder.
    private func copy(_ medium: RealMedia.Medium) throws -> String {
        let letters = medium.key.map { $0.isLetter || $0.isNumber ? $0 : "-" }
        let ending = medium.reference.name.split(separator: ".").last.map { ".\($0)" } ?? ""
        let isPlain = ending.allSatisfy { $0 == "." || $0.isASCII && ($0.isLetter || $0.isNumber) }
        let file = "media/given-\(String(letters))\(isPlain ? ending : "")"
        let target = "\(folder)/\(file)"
        if !FileManager.default.fileExists(atPath: target) {
            try medium.reference.withPath { path in
                guard let data = FileManager.default.contents(atPath: path) else { return }
                try AtomicFile.write(to: target) { try $0.write(Array(data)) }
            }
        }
        return file
    }
}

/// A text as HTML shows it.
private func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
        switch character {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        default: result.append(character)
        }
    }
}
