import ArgumentParser
import Foundation
import SouthBenchmarks

/// Where whole models with random weights are written for as long as they are timed.
struct ModelPlace: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where the models are written while they are timed; the temporary folder if absent.",
            valueName: "folder"))
    var folder: String?

    @Flag(
        help: "Count processor time: with SOUTHGPT_THREADS=1, for a machine that does other work.")
    var processorTime = false

    /// What seconds are counted by.
    var time: TimeMeasure { processorTime ? .processor : .wall }

    /// The case whose memory this process is to tell.
    @Option(help: .hidden)
    var peakMemory: String?

    /// Runs `body` with a new folder, which is removed afterwards.
    func whileThere<Result>(_ body: (String) throws -> Result) throws -> Result {
        let parent =
            folder.map { URL(filePath: $0) } ?? FileManager.default.temporaryDirectory
        let place = parent.appending(component: "southgpt-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: place) }
        return try body(place.path)
    }
}

/// The peak of a process of its own on each side that can tell it.
struct PeakMemory: Encodable {
    let bytes: Int
    /// In the order of the peers; nil where one does not do the case.
    let peerBytes: [Int?]

    /// - Parameter command: our subcommand that tells it
    init(of work: some Encodable, _ command: String, _ timing: PairedTiming) throws {
        bytes = try SouthBenchmarks.peakMemory(
            of: work, toldBy: [CommandLine.arguments[0], command])
        peerBytes = timing.peer.map {
            try? SouthBenchmarks.peakMemory(
                of: work, toldBy: $0.split(separator: " ").map(String.init))
        }
    }

    static func gigabytes(_ bytes: Int) -> String { String(format: "%.2f GB", Double(bytes) / 1e9) }

    var line: String {
        let theirs = peerBytes.map { $0.map(PeakMemory.gigabytes) ?? "–" }
        return (["peak memory \(PeakMemory.gigabytes(bytes))"] + theirs)
            .joined(separator: ", peer ")
    }
}

extension ModelTiming {
    /// Our speed, and each peer's beside it.
    var line: String {
        func short(_ speed: Double) -> String { String(format: "%.3g", speed) }
        let theirs = peers.map {
            "\(String(format: "%.2f", $0.ratio))× \($0.peer) (\(short($0.speed)))"
        }
        return (["\(name) \(short(speed)) \(unit.rawValue)"] + theirs).joined(separator: ", ")
    }
}
