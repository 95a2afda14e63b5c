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

    @Option(help: ArgumentHelp("Only steps whose name contains this.", valueName: "text"))
    var filter: String?

    @Option(help: ArgumentHelp("Turns of ours and theirs.", valueName: "count"))
    var pairs = 3

    @Option(help: ArgumentHelp("Seconds of each turn, at least.", valueName: "seconds"))
    var seconds = 2.0

    @Option(help: ArgumentHelp("A script that times a peer.", valueName: "command"))
    var peer: String?

    @Option(help: .hidden)
    var peakMemory: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    struct Result: Encodable {
        let timing: OperationTiming
        let peakMemoryBytes: Int
        let peerPeakMemoryBytes: Int?
    }

    func validate() throws {
        guard seconds >= 0, seconds <= 3600 else {
            throw ValidationError("--seconds is \(seconds), expected 0 to 3600.")
        }
        guard (1...100).contains(pairs) else {
            throw ValidationError("--pairs is \(pairs), expected 1 to 100.")
        }
    }

    func run() throws {
        if let peakMemory {
            let step = try JSONDecoder().decode(OperationCase.self, from: Data(peakMemory.utf8))
            print(try step.peakMemoryAfterTwoRuns())
            return
        }
        let steps = OperationCase.trainingSteps.filter { filter.map($0.name.contains) ?? true }
        guard !steps.isEmpty else {
            let names = OperationCase.trainingSteps.map(\.name).joined(separator: "; ")
            throw ValidationError("No step contains '\(filter ?? "")'. Steps: \(names).")
        }
        let peers = try peer.map { [try ScriptPeer($0)] } ?? []
        let results = try steps.map { step in
            let result = try result(of: step, peers)
            if !json { print(line(result)) }
            return result
        }
        guard json else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(results), as: UTF8.self))
    }

    private func result(of step: OperationCase, _ peers: [ScriptPeer]) throws -> Result {
        // The memory first: afterwards this process keeps much of it.
        let ours = try step.peakMemory(toldBy: [CommandLine.arguments[0], "train"])
        var theirs: Int?
        if let peer, peers.contains(where: { $0.times(step) }) {
            theirs = try step.peakMemory(toldBy: peer.split(separator: " ").map(String.init))
        }
        let timing = try step.measure(pairs: pairs, seconds: seconds, peak: nil, peers: peers)
        return Result(timing: timing, peakMemoryBytes: ours, peerPeakMemoryBytes: theirs)
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
