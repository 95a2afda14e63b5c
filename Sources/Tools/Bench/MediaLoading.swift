import ArgumentParser
import Foundation
import SouthBenchmarks
import TensorCore

struct MediaLoading: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Time the way from media files to encoders, in turn with what else does it.",
        discussion: """
            Each case is timed in pairs: ours, then each peer's, and again. Printed are the median \
            number of files a second, of all workers and of each, and for each peer its median and \
            the median of the pairs' ratios, ours over theirs.

            Pillow, torchaudio and decord or PyAV take part with:
              southgpt-bench data --peer "python3 Scripts/time-data.py" \\
                  --peer "python3 Scripts/time-data.py pyav"

            Environment: SOUTHGPT_THREADS, and SOUTHGPT_KERNELS (baseline, avx2, avx512).
            """)

    @Option(
        help: ArgumentHelp(
            "A folder of .jpg, .wav and .mp4 to load; samples are made otherwise.",
            valueName: "folder"))
    var files: String?

    @Option(help: ArgumentHelp("Only cases whose name contains this.", valueName: "text"))
    var filter: String?

    @Option(help: ArgumentHelp("Files loaded side by side.", valueName: "count"))
    var workers = 1

    @Option(help: ArgumentHelp("Turns of ours and theirs.", valueName: "count"))
    var pairs = 5

    @Option(help: ArgumentHelp("Seconds of each turn, at least.", valueName: "seconds"))
    var seconds = 1.0

    @Option(
        help: ArgumentHelp("A script that times a peer; may be repeated.", valueName: "command"))
    var peer: [String] = []

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: "Print no progress.")
    var quiet = false

    struct Report: Encodable {
        let machine: Machine
        let kernels: String
        let threads: Int
        let cases: [DataTiming]
        let peakMemoryBytes: Int
    }

    func validate() throws {
        guard seconds > 0, seconds <= 3600 else {
            throw ValidationError("--seconds is \(seconds), expected up to 3600.")
        }
        guard (1...100).contains(pairs), (1...256).contains(workers) else {
            throw ValidationError(
                "--pairs is \(pairs), --workers \(workers); expected 1 to 100 and 1 to 256.")
        }
    }

    func run() throws {
        let cases = DataCase.allCases.filter { filter.map($0.name.contains) ?? true }
        guard !cases.isEmpty else {
            let names = DataCase.allCases.map(\.name).joined(separator: "; ")
            throw ValidationError("No case contains '\(filter ?? "")'. Cases: \(names).")
        }
        let peers = try peer.map(ScriptPeer.init)
        let folder = FileManager.default.temporaryDirectory.appending(
            component: "southgpt-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let results = try cases.compactMap { medium -> DataTiming? in
            progress("\(medium.name) …\n")
            let found = try list(medium) ?? [medium.writeSample(in: folder.path)]
            if found.isEmpty { return nil }
            let result = try medium.measure(
                files: found, workers: workers, pairs: pairs, seconds: seconds, peers: peers)
            if !json { print(line(result)) }
            return result
        }
        guard json else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let report = Report(
            machine: .current, kernels: "\(InstructionSet.current)", threads: ThreadPool.count,
            cases: results, peakMemoryBytes: Machine.peakMemoryBytes)
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
    }

    /// The user's files of that kind, or nil where none were given.
    private func list(_ medium: DataCase) throws -> [String]? {
        guard let files else { return nil }
        return try FileManager.default.contentsOfDirectory(atPath: files).sorted()
            .filter { $0.lowercased().hasSuffix(".\(medium.fileType)") }
            .map { URL(filePath: files).appending(component: $0).path }
    }

    private func line(_ result: DataTiming) -> String {
        func short(_ x: Double) -> String { String(format: x < 10 ? "%.2f" : "%.0f", x) }
        let workers = result.workers == 1 ? "" : ", \(short(result.perWorker)) a worker"
        let parts = result.peers.map {
            "\(String(format: "%.2f", $0.ratio))× \($0.peer) (\(short($0.speed)))"
        }
        return (["\(result.name): \(short(result.perSecond)) a second\(workers)"] + parts)
            .joined(separator: ", ")
    }

    private func progress(_ text: String) {
        guard !quiet else { return }
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}
