import ArgumentParser
import Foundation
import TensorCore

@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "southgpt-bench",
        abstract: "Time the operations that models spend their time in, on this machine.",
        discussion: "Prints the median of each in GFLOP/s, a multiply-add counting as two.")

    @Option(help: ArgumentHelp("Only cases whose name contains this.", valueName: "text"))
    var filter: String?

    @Option(help: ArgumentHelp("Seconds to spend on each case, at least.", valueName: "seconds"))
    var seconds = 1.0

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: "Print no progress.")
    var quiet = false

    struct Report: Encodable {
        let machine: Machine
        let device: String
        let cases: [KernelBenchmark.Result]
        let peakMemoryBytes: Int
    }

    func validate() throws {
        guard seconds >= 0, seconds <= 3600 else {
            throw ValidationError("--seconds is \(seconds), expected 0 to 3600.")
        }
    }

    func run() throws {
        let cases = KernelBenchmark.all.filter { filter.map($0.name.contains) ?? true }
        guard !cases.isEmpty else {
            let names = KernelBenchmark.all.map(\.name).joined(separator: "; ")
            throw ValidationError("No case contains '\(filter ?? "")'. Cases: \(names).")
        }
        let results = cases.map { benchmark in
            if !quiet { progress("\(benchmark.name) …\n") }
            let result = benchmark.measure(on: .cpu, seconds: seconds)
            if !json {
                let rate = (result.gigaflopsPerSecond * 10).rounded() / 10
                let time = (result.seconds * 1e5).rounded() / 100
                print("\(benchmark.name): \(rate) GFLOP/s (\(time) ms, \(result.runs) runs)")
            }
            return result
        }
        guard json else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let report = Report(
            machine: .current, device: Device.cpu.description, cases: results,
            peakMemoryBytes: Machine.peakMemoryBytes)
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
    }

    private func progress(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}
