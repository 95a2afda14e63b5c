import ArgumentParser
import Foundation
import SouthBenchmarks
import TensorCore

struct DiffusionPasses: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diffusion",
        abstract: "Time the published decoders' networks at full size, and what memory they take.",
        discussion: """
            Weights are random. Each pass is timed in pairs, ours and the peer's, and its memory \
            measured in a fresh process of each; with float32 weights that needs 6 GB. Against \
            PyTorch:
              southgpt-bench diffusion --pairs 3 --peer "python3 Scripts/time-diffusion.py"
            """)

    @OptionGroup var timing: PairedTiming

    @Option(help: .hidden)
    var peakMemory: String?

    struct Result: Encodable {
        let timing: DiffusionTiming
        let peakMemoryBytes: Int
        let peerPeakMemoryBytes: Int?
    }

    func run() throws {
        if let peakMemory {
            let pass = try JSONDecoder().decode(DiffusionCase.self, from: Data(peakMemory.utf8))
            print(try pass.peakMemoryAfterTwoRuns())
            return
        }
        let passes = try timing.chosen(of: DiffusionCase.all) { $0.name }
        let results = try passes.map { pass in
            timing.progress(pass.name)
            let result = try result(of: pass)
            timing.show(line(result))
            return result
        }
        try timing.show(report: results)
    }

    private func result(of pass: DiffusionCase) throws -> Result {
        // The memory first: afterwards this process keeps much of it.
        let ours = try SouthBenchmarks.peakMemory(
            of: pass, toldBy: [CommandLine.arguments[0], "diffusion"])
        let peer = pass.weights.isBlocked ? nil : timing.peer.first
        let theirs = try peer.map {
            try SouthBenchmarks.peakMemory(
                of: pass, toldBy: $0.split(separator: " ").map(String.init))
        }
        let seconds = try pass.measure(
            pairs: timing.pairs, seconds: timing.seconds, peers: timing.scripts())
        return Result(timing: seconds, peakMemoryBytes: ours, peerPeakMemoryBytes: theirs)
    }

    private func line(_ result: Result) -> String {
        func gigabytes(_ bytes: Int) -> String { String(format: "%.2f GB", Double(bytes) / 1e9) }
        var parts = [
            "\(result.timing.name): \(String(format: "%.2f", result.timing.seconds)) s, "
                + gigabytes(result.peakMemoryBytes)
        ]
        for comparison in result.timing.peers {
            parts.append(
                "\(String(format: "%.2f", comparison.ratio))× \(comparison.peer) "
                    + "(\(String(format: "%.2f", comparison.seconds)) s"
                    + "\(result.peerPeakMemoryBytes.map { ", \(gigabytes($0))" } ?? ""))")
        }
        return parts.joined(separator: ", ")
    }
}
