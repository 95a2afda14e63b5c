import TensorCore

/// Reports of datasets as one page that needs nothing beside it: tables, histograms, and samples
/// with their pictures and waveforms.
public struct ReportPage: Sendable {
    private var sections: [String] = []

    /// An empty page.
    public init() {}

    /// Adds a dataset.
    ///
    /// - Parameter samples: how many of its samples are shown, spread over it
    public mutating func add(_ report: DatasetReport, _ dataset: DialogueDataset, samples: Int = 6)
    {
        let step = max(1, dataset.count / max(1, samples))
        let shown = stride(from: 0, to: dataset.count, by: step).prefix(samples)
        add(report, shown.compactMap { try? SamplePreview(dataset.sample($0)) })
    }

    /// Adds a dataset whose file as a whole is at fault.
    public mutating func add(_ report: DatasetReport) { add(report, []) }

    private mutating func add(_ report: DatasetReport, _ previews: [SamplePreview]) {
        let failure = report.failure.map { "<p class=\"bad\">\(escaped($0))</p>" } ?? ""
        sections.append(
            """
            <section><h2>\(escaped(report.dataset))</h2>
            <p>\(escaped(report.file)) · \(report.type.rawValue)</p>\(failure)
            \(figures(of: report))
            \(histogram("characters learnt", report.captionLengths))
            \(histogram(
                report.tokensAreEstimated ? "tokens (estimated)" : "tokens", report.tokens))
            \(previews.map(card).joined())
            \(list(report.problems))</section>
            """)
    }

    /// Writes the page, as a whole or not at all.
    ///
    /// - Throws: `CheckpointError.unwritable`
    public func write(to path: String) throws {
        try AtomicFile.write(to: path) { try $0.write(html) }
    }

    /// The page.
    package var html: String {
        """
        <!doctype html><html lang="en"><meta charset="utf-8"><title>South-GPT datasets</title>
        <meta http-equiv="Content-Security-Policy"
        content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
        <style>
        body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 68em;
            padding: 0 1em; color: #222 }
        section { border-top: 1px solid #ccc; margin-top: 2em }
        table { border-collapse: collapse } td, th { padding: .15em .9em .15em 0; text-align: left }
        .card { border: 1px solid #ddd; border-radius: 6px; padding: .6em 1em; margin: .8em 0 }
        .card p { margin: .2em 0 } .bad { color: #a22 } img { margin-right: 4px }
        figure { display: inline-block; margin: 1em 2em 1em 0 } small { color: #777 }
        </style>
        <h1>Datasets</h1>
        \(sections.joined(separator: "\n"))
        </html>
        """
    }

    private func figures(of report: DatasetReport) -> String {
        var rows = [("records", report.records), ("usable", report.usable)]
        rows += report.faults.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        rows += report.media.sorted { $0.key < $1.key }.map { ("\($0.key) files", $0.value) }
        rows.append(("media decoded", report.decodedMedia))
        if report.absentMedia > 0 { rows.append(("media asked by caption", report.absentMedia)) }
        rows += report.fits.sorted { $0.key < $1.key }.map { ("sequences \($0.key)", $0.value) }
        let cells = rows.map { "<tr><td>\(escaped($0.0))</td><td>\($0.1)</td></tr>" }
        return "<table>\(cells.joined())</table>"
    }

    private func histogram(_ title: String, _ values: DatasetReport.Distribution) -> String {
        let (width, height) = (26, 90)
        let highest = max(1, values.counts.max() ?? 1)
        let bars = values.counts.enumerated().map { bin, count -> String in
            let size = count == 0 ? 0 : max(1, count * height / highest)
            let bound = bin == 0 ? 0 : 1 << bin
            return "<rect x=\"\(bin * width)\" y=\"\(height - size)\" width=\"\(width - 3)\" "
                + "height=\"\(size)\" fill=\"#58a\"><title>\(count) from \(bound) on</title></rect>"
                + "<text x=\"\(bin * width)\" y=\"\(height + 14)\" font-size=\"9\">\(bound)</text>"
        }
        return "<figure><svg width=\"\(max(1, values.counts.count) * width)\" "
            + "height=\"\(height + 18)\">\(bars.joined())</svg><figcaption>\(title): "
            + "mean \(Int(values.mean)), at most \(values.largest)</figcaption></figure>"
    }

    private func card(_ preview: SamplePreview) -> String {
        let turns = preview.turns.map {
            "<p><b>\(escaped($0.speaker))</b> \(escaped($0.text))</p>"
        }
        return "<div class=\"card\"><small>\(escaped(preview.title))</small><div>"
            + preview.media.joined() + "</div>\(turns.joined())</div>"
    }

    private func list(_ problems: [DatasetReport.Problem]) -> String {
        guard !problems.isEmpty else { return "" }
        let rows = problems.map {
            "<tr class=\"bad\"><td>\($0.fault.rawValue)</td><td>\(escaped($0.detail))</td></tr>"
        }
        return "<details><summary>\(problems.count) problems listed</summary>"
            + "<table>\(rows.joined())</table></details>"
    }
}
