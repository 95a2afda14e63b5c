import ArgumentParser
import SouthGPT
import ToolOptions

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the tensors of a checkpoint file or folder.",
        discussion: "Only tables of contents are read, unless --values is given.")

    @Argument(
        help: ArgumentHelp(
            "A .safetensors, .gguf, .pth, .pt, .bin, .ckpt, .npy or .npz file, or a folder of "
                + "shards."))
    var path: String

    @Flag(help: "Read every number: least, greatest, and how many are NaN or infinite.")
    var values = false

    @OptionGroup var show: OutputOptions

    func run() throws {
        try reportingErrors(json: show.json) {
            let progress = show.progress
            let report = try CheckpointListing(path, scanningValues: values) {
                progress?.show("reading", $0, of: $1)
            }
            progress?.clear()
            if show.json {
                try show.printJSON(report)
            } else {
                for line in report.lines { print(line) }
            }
            if report.brokenNumbers > 0 { throw ExitCode.failure }
        }
    }
}
