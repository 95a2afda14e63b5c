import ArgumentParser
import SouthGPT
import ToolOptions

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a checkpoint in another format: safetensors, GGUF or PyTorch.",
        discussion: """
            Whatever 'inspect' lists is read. The output's ending says the format. Language models \
            become GGUF files that llama.cpp reads, with their tokenizer, when the input is a folder \
            with config.json.

            EXAMPLE
              southgpt-checkpoint convert vicuna-7b --output vicuna-7b.gguf --dtype bfloat16
            """)

    @Argument(help: "A checkpoint file, or a folder of shards.")
    var input: String

    @Option(name: .shortAndLong, help: "The file to write: .safetensors, .gguf, .pt, .bin or .pth.")
    var output: String

    @Option(
        help: ArgumentHelp(
            "Type of real tensors: float32, float16, bfloat16; as they are where absent. Vectors of "
                + "GGUF files are always float32."))
    var dtype: String?

    @OptionGroup var show: OutputOptions

    func run() throws {
        try reportingErrors(json: show.json) {
            let progress = show.progress
            let report = try CheckpointConversion(
                input: input, output: output, types: TypeChoice(dtype)
            ).write { progress?.show("writing", $0, of: $1) }
            progress?.clear()
            show.warn(report.remarks)
            if show.json {
                try show.printJSON(report)
            } else {
                print("\(output): \(report.tensors) tensors, \(report.bytes) bytes")
            }
        }
    }
}
