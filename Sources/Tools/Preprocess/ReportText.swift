import DataPipeline
import FoundationEssentials
import TensorCore
import ToolOptions

/// A report for a terminal.
struct ReportText {
    let text: String

    init(_ report: DatasetReport) {
        var lines = ["\(report.dataset)  \(report.file)"]
        func add(_ name: String, _ value: String) {
            let padding = String(repeating: " ", count: max(1, 20 - name.count))
            lines.append("  \(name)\(padding)\(value)")
        }
        if let failure = report.failure {
            text = (lines + ["  ! \(failure)", ""]).joined(separator: "\n")
            return
        }
        add("records", "\(report.records), \(report.usable) usable")
        for (fault, count) in report.faults.sorted(by: { $0.key < $1.key }) {
            add(fault, "\(count)")
        }
        for (modality, count) in report.media.sorted(by: { $0.key < $1.key }) {
            add("\(modality) files", "\(count)")
        }
        if report.decodedMedia > 0 { add("decoded", "\(report.decodedMedia) of them") }
        if report.absentMedia > 0 {
            add("asked by caption", "\(report.absentMedia) media that are not there")
        }
        let (characters, tokens) = (report.captionLengths, report.tokens)
        add(
            "characters learnt", "\(Int(characters.mean)) on average, at most \(characters.largest)"
        )
        add(
            report.tokensAreEstimated ? "tokens, estimated" : "tokens",
            "\(tokens.total), \(Int(tokens.mean)) on average, at most \(tokens.largest)")
        for (fit, count) in report.fits.sorted(by: { $0.key < $1.key }) where fit != "whole" {
            add("sequences \(fit)", "\(count)")
        }
        // The first few of each kind; the report's file has more.
        for fault in DatasetReport.Fault.allCases {
            for problem in report.problems.filter({ $0.fault == fault }).prefix(3) {
                lines.append("  ! \(fault.rawValue): \(problem.detail)")
            }
        }
        if report.problems.count > 3 { lines.append("  (--report FILE lists more)") }
        text = lines.joined(separator: "\n") + "\n"
    }
}

/// A file of a report.
enum ReportFile {
    /// Makes the folder that a report goes to, and sees whether files can be made there.
    static func prepareFolder(of stem: String) throws {
        let folder = URL(filePath: stem).deletingLastPathComponent().path
        _ = try OutputFolder(folder, option: "--report")
        try makeFolder(folder)
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        try AtomicFile.write(to: path) { try $0.write(bytes) }
    }
}
