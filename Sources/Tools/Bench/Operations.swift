import ArgumentParser
import Foundation
import SouthBenchmarks
import TensorCore

struct Operations: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ops",
        abstract: "Time single operations and training steps, in turn with what else does them.",
        discussion: """
            Each case is timed in pairs: ours, then each peer's, and again. Printed are the median \
            speed, the fraction of the machine's measured limit, and for each peer its median \
            speed and the median of the pairs' ratios, ours over theirs.

            OpenBLAS is always at hand. PyTorch takes part with:
              southgpt-bench ops --peer "python3 Scripts/time-torch.py"

            Environment: SOUTHGPT_THREADS, and SOUTHGPT_KERNELS (baseline, avx2, avx512, avx512vnni).
            """)

    @Option(help: ArgumentHelp("Only cases whose name contains this.", valueName: "text"))
    var filter: String?

    @Option(help: ArgumentHelp("Turns of ours and theirs.", valueName: "count"))
    var pairs = 5

    @Option(help: ArgumentHelp("Seconds of each turn, at least.", valueName: "seconds"))
    var seconds = 0.5

    @Option(help: ArgumentHelp("A script that times a peer.", valueName: "command"))
    var peer: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: "Print no progress.")
    var quiet = false

    struct Report: Encodable {
        let machine: Machine
        let kernels: String
        let threads: Int
        let peak: MachinePeak
        let cases: [OperationTiming]
        let peakMemoryBytes: Int
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
        let cases = OperationCase.all.filter { filter.map($0.name.contains) ?? true }
        guard !cases.isEmpty else {
            let names = OperationCase.all.map(\.name).joined(separator: "; ")
            throw ValidationError("No case contains '\(filter ?? "")'. Cases: \(names).")
        }
        var peers: [any Peer] = [OpenBLASPeer()]
        if let peer { peers.append(try ScriptPeer(peer)) }
        let peak = MachinePeak.measured()
        if !json { show(heading(peak)) }
        let results = try cases.map { operation in
            progress("\(operation.name) …\n")
            let result = try operation.measure(
                pairs: pairs, seconds: seconds, peak: peak, peers: peers)
            if !json { show(line(result)) }
            return result
        }
        guard json else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let report = Report(
            machine: .current, kernels: "\(InstructionSet.current)", threads: ThreadPool.count,
            peak: peak, cases: results, peakMemoryBytes: Machine.peakMemoryBytes)
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
    }

    private func heading(_ peak: MachinePeak) -> String {
        let (flops, bytes) = (Int(peak.gigaflops.rounded()), Int(peak.gigabytes.rounded()))
        return "\(Machine.current.processor), \(ThreadPool.count) threads, "
            + "\(InstructionSet.current): at most \(flops) GFLOP/s, \(bytes) GB/s read"
    }

    private func line(_ result: OperationTiming) -> String {
        func short(_ x: Double) -> String { String(format: x < 10 ? "%.2f" : "%.0f", x) }
        var parts = ["\(result.name): \(short(result.speed)) \(result.unit.rawValue)"]
        if let fraction = result.fractionOfPeak {
            parts.append("\(Int((fraction * 100).rounded())) % of the limit")
        }
        for comparison in result.peers {
            parts.append(
                "\(String(format: "%.2f", comparison.ratio))× \(comparison.peer) "
                    + "(\(short(comparison.speed)))")
        }
        return parts.joined(separator: ", ")
    }

    /// A line at once, into files and pipes too: the whole takes minutes.
    private func show(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }

    private func progress(_ text: String) {
        guard !quiet else { return }
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}
