public import ArgumentParser
public import SouthGPT
import ToolOptions

struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a complete model folder with random weights.",
        discussion: """
            Names, files and formats are those of the published model, so whatever reads the one \
            reads the other. The weights are random: the model answers with noise. 'published' has \
            the published sizes in float16, 25 GB, written a tensor at a time.

            EXAMPLES
              southgpt-checkpoint init --preset tiny --seed 13 --output tiny
              southgpt-checkpoint init --preset published --output published
            """)

    @Option(help: "Which model: \(ModelPreset.allCases.map(\.rawValue).joined(separator: ", ")).")
    var preset: ModelPreset = .tiny

    @Option(help: "Seed of the weights: the same gives the same bytes.")
    var seed: UInt64 = 13

    @Option(name: .shortAndLong, help: "The folder to make; it must not have files yet.")
    var output: String

    @OptionGroup var show: OutputOptions

    private struct Report: Encodable {
        let folder: String
        let preset: String
        let seed: UInt64
    }

    func run() throws {
        try reportingErrors(json: show.json) {
            let progress = show.progress
            try preset.write(to: output, seed: seed) { done, total in
                progress?.show("writing (MB)", done / 1_000_000, of: total / 1_000_000)
            }
            progress?.clear()
            if show.json {
                try show.printJSON(
                    Report(folder: output, preset: preset.rawValue, seed: seed))
            } else {
                print("\(output): a \(preset.rawValue) model with random weights, seed \(seed)")
            }
        }
    }
}

extension ModelPreset: ExpressibleByArgument {}
