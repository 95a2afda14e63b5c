import ArgumentParser
import Foundation
import SouthBenchmarks
import TensorCore

struct TrainingSteps: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Time whole training steps, and what memory they take.",
        discussion: """
            Each step is timed in pairs, ours and the peer's, and its memory measured in a fresh \
            process of each. Against PyTorch:
              southgpt-bench train --peer "python3 Scripts/time-torch.py"
            """)

    @OptionGroup var timing: PairedTiming

    @Option(help: .hidden)
    var peakMemory: String?

    struct Result: Encodable {
        let timing: OperationTiming
        let peakMemoryBytes: Int
        let peerPeakMemoryBytes: Int?
    }

    func run() throws {
        if let peakMemory {
            let step = try JSONDecoder().decode(OperationCase.self, from: Data(peakMemory.utf8))
            print(try step.peakMemoryAfterTwoRuns())
            return
        }
        let steps = try timing.chosen(of: OperationCase.trainingSteps) { $0.name }
        let results = try steps.map { step in
            timing.progress(step.name)
            let result = try result(of: step, timing.scripts())
            timing.show(line(result))
            return result
        }
        try timing.show(report: results)
    }

    private func result(of step: OperationCase, _ peers: [ScriptPeer]) throws -> Result {
        // The memory first: afterwards this process keeps much of it.
        let ours = try SouthBenchmarks.peakMemory(
            of: step, toldBy: [CommandLine.arguments[0], "train"])
        let peer = zip(timing.peer, peers).first { $0.1.times(step) }
        let theirs = try peer.map {
            try SouthBenchmarks.peakMemory(
                of: step, toldBy: $0.0.split(separator: " ").map(String.init))
        }
        let speeds = try step.measure(
            pairs: timing.pairs, seconds: timing.seconds, peak: nil, peers: peers)
        return Result(timing: speeds, peakMemoryBytes: ours, peerPeakMemoryBytes: theirs)
    }

    private func line(_ result: Result) -> String {
        func gigabytes(_ bytes: Int) -> String { String(format: "%.2f GB", Double(bytes) / 1e9) }
        let timing = result.timing
        var parts = [
            "\(timing.name): \(String(format: "%.1f", timing.speed)) \(timing.unit.rawValue), "
                + gigabytes(result.peakMemoryBytes)
        ]
        for comparison in timing.peers {
            parts.append(
                "\(String(format: "%.2f", comparison.ratio))× \(comparison.peer) "
                    + "(\(String(format: "%.1f", comparison.speed))"
                    + "\(result.peerPeakMemoryBytes.map { ", \(gigabytes($0))" } ?? ""))")
        }
        return parts.joined(separator: ", ")
    }
}
