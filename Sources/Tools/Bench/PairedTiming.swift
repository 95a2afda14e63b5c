import ArgumentParser
import Foundation
import SouthBenchmarks

/// What every benchmark is told: which cases, how often in turn with whom, and how to print.
struct PairedTiming: ParsableArguments {
    @Option(help: ArgumentHelp("Only cases whose name contains this.", valueName: "text"))
    var filter: String?

    @Option(help: ArgumentHelp("Turns of ours and theirs.", valueName: "count"))
    var pairs = 5

    @Option(help: ArgumentHelp("Seconds of each turn, at least.", valueName: "seconds"))
    var seconds = 1.0

    @Option(
        help: ArgumentHelp("A script that times a peer; may be repeated.", valueName: "command"))
    var peer: [String] = []

    @Flag(help: "Print one JSON value.")
    var json = false

    @Flag(help: "Print no progress.")
    var quiet = false

    func validate() throws {
        guard seconds > 0, seconds <= 3600 else {
            throw ValidationError("--seconds is \(seconds), expected up to 3600.")
        }
        guard (1...100).contains(pairs) else {
            throw ValidationError("--pairs is \(pairs), expected 1 to 100.")
        }
    }

    /// The cases that the filter leaves, at least one.
    func chosen<Case>(of cases: [Case], name: (Case) -> String) throws -> [Case] {
        let chosen = cases.filter { filter.map(name($0).contains) ?? true }
        guard chosen.isEmpty else { return chosen }
        throw ValidationError(
            "No case contains '\(filter ?? "")'. Cases: "
                + "\(cases.map(name).joined(separator: "; ")).")
    }

    /// The scripts that take part.
    func scripts() throws -> [ScriptPeer] { try peer.map(ScriptPeer.init) }

    /// A line at once, into files and pipes too: the whole takes minutes.
    func show(_ line: String) {
        guard !json else { return }
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }

    /// The report, where JSON was asked for.
    func show(report: some Encodable) throws {
        guard json else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
    }

    /// Says on standard error what is being timed.
    func progress(_ name: String) {
        guard !quiet else { return }
        try? FileHandle.standardError.write(contentsOf: Data("\(name) …\n".utf8))
    }
}
