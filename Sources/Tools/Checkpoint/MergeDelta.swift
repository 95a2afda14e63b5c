import ArgumentParser
import SouthGPT
import ToolOptions

struct MergeDelta: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge-delta",
        abstract: "Make Vicuna: LLaMA's weights plus the published differences.",
        discussion: """
            One tensor is in memory at a time. The tokenizer and the config come from the delta's \
            folder.

            EXAMPLE
              southgpt-checkpoint merge-delta --base llama-7b --delta vicuna-7b-delta-v0 \\
                --output ckpt/pretrained_ckpt/vicuna_ckpt/7b_v0
            """)

    @Option(help: "LLaMA's folder, Hugging Face's or Meta's own.")
    var base: String

    @Option(help: "The delta's folder.")
    var delta: String

    @Option(name: .shortAndLong, help: "The folder to make.")
    var output: String

    @OptionGroup var show: OutputOptions

    func run() throws {
        try reportingErrors(json: show.json) {
            let progress = show.progress
            let report = try DeltaMerge(base: base, delta: delta).write(to: output) {
                progress?.show("merging", $0, of: $1)
            }
            progress?.clear()
            if show.json {
                try show.printJSON(report)
            } else {
                print("\(output): \(report.tensors) tensors, \(report.bytes) bytes")
            }
        }
    }
}
