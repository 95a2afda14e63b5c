import ArgumentParser
import Foundation
import SouthBenchmarks
import TensorCore

struct LanguageModels: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "llm",
        abstract: "Time a language model of LLaMA-7B's shapes, and what memory it takes.",
        discussion: """
            A file with random weights is written for each type and removed again. Reading a \
            prompt and writing a reply after it are timed in pairs, ours and the peers', and \
            memory is measured in a fresh process of each. Peers read the same file:
              southgpt-bench llm --peer "python3 Scripts/time-models.py llama.cpp" \\
                  --peer "python3 Scripts/time-models.py transformers"

            Of 32 layers the file has 27 GB in float32 and 3.8 GB in q4_0: --layers takes fewer.
            """)

    @OptionGroup var timing: PairedTiming
    @OptionGroup var place: ModelPlace

    @Option(help: ArgumentHelp("Layers; LLaMA-7B has 32.", valueName: "count"))
    var layers = 32

    @Option(help: ArgumentHelp("Tokens read at once.", valueName: "count"))
    var prompt = 512

    @Option(help: ArgumentHelp("Tokens written after them.", valueName: "count"))
    var reply = 16

    func validate() throws {
        guard (1...1024).contains(layers) else {
            throw ValidationError("--layers is \(layers), expected 1 to 1024.")
        }
        guard prompt > 0, reply > 0, prompt + reply <= 2048 else {
            throw ValidationError("--prompt and --reply: expected 2 to 2048 tokens together.")
        }
    }

    struct Result: Encodable {
        let model: String
        let timings: [ModelTiming]
        let weightAndCacheBytes: Int
        let peakMemory: PeakMemory
    }

    func run() throws {
        if let told = place.peakMemory {
            let model = try JSONDecoder().decode(LanguageModelCase.self, from: Data(told.utf8))
            print(try model.peakMemoryAfterARun())
            return
        }
        let types = try timing.chosen(of: LanguageModelCase.types) { $0.rawValue }
        let peers = try timing.scripts()
        let results = try types.map { type in
            let config = LanguageModelCase.sevenBillion(layers: layers)
            let name = "LLaMA-7B \(type.rawValue), \(layers) layers"
            timing.progress(name)
            let result = try place.whileThere { folder in
                let model = try LanguageModelCase(
                    config, weights: type, prompt: prompt, reply: reply, time: place.time
                ).written(in: folder)
                let memory = try PeakMemory(of: model, "llm", timing)
                return Result(
                    model: name, timings: try model.measure(pairs: timing.pairs, peers: peers),
                    weightAndCacheBytes: try model.heldBytes(), peakMemory: memory)
            }
            show(result)
            return result
        }
        try timing.show(report: results)
    }

    private func show(_ result: Result) {
        for measured in result.timings {
            timing.show("\(result.model): \(measured.line)")
        }
        timing.show(
            "\(result.model): \(result.peakMemory.line); weights and cache "
                + PeakMemory.gigabytes(result.weightAndCacheBytes))
    }
}
