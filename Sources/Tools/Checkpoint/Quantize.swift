import ArgumentParser
import SouthGPT
import ToolOptions

struct Quantize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a language model in blocks of few bits, and say what that costs.",
        discussion: """
            Matrices whose rows hold whole blocks take the type; everything else stays real. \
            A later --for wins over an earlier one, and over the type for all.

            EXAMPLE
              southgpt-checkpoint quantize vicuna-7b --type q4_K --for 'output*=q6_K' \\
                --for 'token_embd*=q8_0' --output vicuna-7b-q4.gguf
            """)

    @Argument(help: "A GGUF file, or a folder with config.json and its weights.")
    var input: String

    @Option(name: .shortAndLong, help: "The GGUF file to write.")
    var output: String

    @Option(help: "q8_0, q4_0, q4_K or q6_K.")
    var type: String

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp(
            "A type for tensors whose name in the GGUF file matches; '*' stands for anything, the "
                + "types are also float32, float16, bfloat16. Repeatable.",
            valueName: "pattern=type"))
    var choices: [String] = []

    @OptionGroup var show: OutputOptions

    func run() throws {
        try reportingErrors(json: show.json) {
            let progress = show.progress
            let report = try CheckpointConversion(
                input: input, output: output,
                types: TypeChoice(quantizing: type, choices: choices)
            ).write { progress?.show("quantising", $0, of: $1) }
            progress?.clear()
            show.warn(report.remarks)
            if show.json {
                try show.printJSON(report)
                return
            }
            print("tensor\ttype\trelative error\tlargest error")
            for row in report.errors {
                print("\(row.name)\t\(row.dtype)\t\(row.relativeError)\t\(row.largestError)")
            }
            print("\(output): \(report.tensors) tensors, \(report.bytes) bytes")
        }
    }
}
