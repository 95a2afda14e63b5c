import ArgumentParser
import SouthGPT
import ToolOptions

struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare two checkpoints: names, shapes, types and values.",
        discussion: "Exit code 1 where they differ by more than the tolerance.")

    @Argument(help: "A checkpoint file or folder.")
    var first: String

    @Argument(help: "Another, in whatever format.")
    var second: String

    @Option(help: "The largest difference of two numbers that counts as none.")
    var tolerance: Double = 0

    @OptionGroup var show: OutputOptions

    func run() throws {
        try reportingErrors(json: show.json) {
            let progress = show.progress
            let report = try CheckpointDifference(first, second, tolerance: tolerance) {
                progress?.show("comparing", $0, of: $1)
            }
            progress?.clear()
            if show.json {
                try show.printJSON(report)
            } else {
                for line in report.lines { print(line) }
            }
            if !report.isEqual { throw ExitCode.failure }
        }
    }
}
