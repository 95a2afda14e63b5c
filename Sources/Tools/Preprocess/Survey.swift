import DataPipeline
import Dialogue
import Foundation
import ModelZoo
import ToolOptions

/// The datasets one after the other: converted, shown, looked at, reported.
struct Survey: Sendable {
    private let options: Preprocess
    private let entries: [DatasetEntry]
    private let layout: SequenceLayout?

    init(_ options: Preprocess) throws {
        self.options = options
        let files = try Catalog.files(layingOver: options.catalog, root: options.root)
        let catalog = try Catalog(contentsOf: files, root: options.root)
        entries =
            try options.datasets.isEmpty
            ? catalog.entries : options.datasets.map { try catalog.entry($0) }
        layout = try TokenizerChoice(named: options.tokenizer, root: options.root).layout
    }

    /// `--report` without its ending: two files are written.
    private var reportStem: String? {
        options.report.map { name in
            ["json", "html"].contains { name.hasSuffix(".\($0)") } ? String(name.dropLast(5)) : name
        }
    }

    private struct Printed: Encodable {
        var datasets: [DatasetReport] = []
        var absent: [String: [String]] = [:]
        var shown: [SampleTable] = []
    }

    /// Whether every record of what was there can be used.
    func run() async throws -> Bool {
        var printed = Printed()
        var page = ReportPage()
        // Found out now, not after an hour's work.
        if let stem = reportStem { try ReportFile.prepareFolder(of: stem) }
        if options.show != nil, layout == nil { throw TokenizerChoice.Missing() }
        for entry in entries {
            do {
                try await look(at: entry, &printed, &page)
            } catch let error where !(error is CancellationError) && !blamesMachine(error) {
                // The others are looked at all the same.
                let report = DatasetReport(entry, failure: error)
                page.add(report)
                if !options.output.json { print(ReportText(report).text) }
                printed.datasets.append(report)
            }
        }
        try finish(printed, page)
        return printed.datasets.allSatisfy(\.isClean)
    }

    private func look(
        at entry: DatasetEntry, _ printed: inout Printed, _ page: inout ReportPage
    ) async throws {
        let progress = options.output.progress
        let preparation = DatasetPreparation(entry)
        let outcome = try preparation.run {
            progress?.show("\(entry.name): converting", $0, of: $1)
        }
        progress?.clear()
        if case .absent(let looked) = outcome {
            printed.absent[entry.name] = looked
            // What was asked for by name must be there.
            if !options.datasets.isEmpty {
                throw DatasetError.unreadable(
                    file: looked[0],
                    reason: "no such file, nor \(looked.dropFirst().joined(separator: ", "))")
            }
            return
        }
        say(outcome, preparation)
        let dataset = try DialogueDataset(entry, prompt: options.prompt)
        if let number = options.show {
            printed.shown.append(try table(of: number, dataset))
            return
        }
        let report = try await DatasetValidation(
            dataset, layout: layout, maxLength: options.maxLength,
            media: options.allMedia ? .all : .some(200)
        ).run { progress?.show("\(entry.name): looking", $0, of: $1) }
        progress?.clear()
        if options.report != nil { page.add(report, dataset) }
        if !options.output.json { print(ReportText(report).text) }
        printed.datasets.append(report)
    }

    private func table(of number: Int, _ dataset: DialogueDataset) throws -> SampleTable {
        guard let layout else {
            throw TokenizerChoice.Missing()
        }
        guard number < dataset.count else {
            throw DatasetError.malformed(
                file: dataset.entry.dataPath, line: nil, found: "\(dataset.count) records",
                expected: "more than \(number)", mend: "Name a smaller number.")
        }
        let table = try SampleTable(
            dataset.sample(number), layout: layout, maxLength: options.maxLength)
        if !options.output.json { print("\(dataset.entry.name)\n\(table)\n") }
        return table
    }

    private func say(_ outcome: DatasetPreparation.Outcome, _ preparation: DatasetPreparation) {
        guard case .converted(let source, let records, let leftOut) = outcome,
            !options.output.json
        else { return }
        let entry = preparation.entry
        let noun = records == 1 ? "record" : "records"
        print("\(entry.name): \(records) \(noun) of \(source) written to \(entry.dataPath)")
        if leftOut > 0 {
            print("  \(leftOut) left out; \(preparation.leftOutPath) names each and says why")
        }
    }

    private func finish(_ printed: Printed, _ page: ReportPage) throws {
        if options.output.json {
            try options.output.printJSON(printed)
        } else if printed.datasets.isEmpty, printed.shown.isEmpty {
            print("None of the catalog's datasets is under '\(options.root)/data'.")
            for (name, looked) in printed.absent.sorted(by: { $0.key < $1.key }) {
                print("  \(name): looked for \(looked.joined(separator: ", "))")
            }
        } else if !printed.absent.isEmpty {
            print("not there: \(printed.absent.keys.sorted().joined(separator: ", "))")
        }
        guard let stem = reportStem else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        try ReportFile.write([UInt8](try encoder.encode(printed)), to: "\(stem).json")
        try page.write(to: "\(stem).html")
        if !options.output.json { print("report: \(stem).json, \(stem).html") }
    }
}
