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

    @Option(help: ArgumentHelp("Files loaded side by side.", valueName: "count"))
    var workers = 1

    @OptionGroup var timing: PairedTiming

    struct Report: Encodable {
        let machine: Machine
        let kernels: String
        let threads: Int
        let cases: [DataTiming]
        let peakMemoryBytes: Int
    }

    func validate() throws {
        guard (1...256).contains(workers) else {
            throw ValidationError("--workers is \(workers), expected 1 to 256.")
        }
    }

    func run() throws {
        let cases = try timing.chosen(of: DataCase.allCases) { $0.name }
        let peers = try timing.scripts()
        let folder = FileManager.default.temporaryDirectory.appending(
            component: "southgpt-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let results = try cases.compactMap { medium -> DataTiming? in
            timing.progress(medium.name)
            let found = try list(medium) ?? [medium.writeSample(in: folder.path)]
            if found.isEmpty { return nil }
            let result = try medium.measure(
                files: found, workers: workers, pairs: timing.pairs, seconds: timing.seconds,
                peers: peers)
            timing.show(line(result))
            return result
        }
        try timing.show(
            report: Report(
                machine: .current, kernels: "\(InstructionSet.current)",
                threads: ThreadPool.count, cases: results,
                peakMemoryBytes: Machine.peakMemoryBytes))
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
}
