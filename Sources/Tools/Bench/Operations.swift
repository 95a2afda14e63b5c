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

    @OptionGroup var timing: PairedTiming

    struct Report: Encodable {
        let machine: Machine
        let kernels: String
        let threads: Int
        let peak: MachinePeak
        let cases: [OperationTiming]
        let peakMemoryBytes: Int
    }

    func run() throws {
        let cases = try timing.chosen(of: OperationCase.all) { $0.name }
        let peers: [any Peer] = [OpenBLASPeer()] + (try timing.scripts())
        let peak = MachinePeak.measured()
        timing.show(heading(peak))
        let results = try cases.map { operation in
            timing.progress(operation.name)
            let result = try operation.measure(
                pairs: timing.pairs, seconds: timing.seconds, peak: peak, peers: peers)
            timing.show(line(result))
            return result
        }
        try timing.show(
            report: Report(
                machine: .current, kernels: "\(InstructionSet.current)",
                threads: ThreadPool.count, peak: peak, cases: results,
                peakMemoryBytes: Machine.peakMemoryBytes))
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
}
