import ArgumentParser
import SouthGPT
import ToolOptions

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Hold every tensor of a model against its network, and files against their hashes.",
        discussion: """
            Takes a model folder with southgpt.json, or a language model alone. A bare delta in the \
            place of Vicuna's weights is recognised. Hashes are those that southgpt.json has; \
            --write-hashes puts the present ones there.
            """)

    @Argument(help: "The model folder, or a language model's folder or GGUF file.")
    var path: String

    @Flag(help: "Compute the hashes of all parts and write them into southgpt.json.")
    var writeHashes = false

    @OptionGroup var show: OutputOptions

    private struct Report: Encodable {
        let path: String
        let parts: [String: String]
    }

    func run() throws {
        try reportingErrors(json: show.json) {
            let parts = try verification(of: path, writingHashes: writeHashes)
            if show.json {
                try show.printJSON(
                    Report(
                        path: path,
                        parts: Dictionary(parts, uniquingKeysWith: { first, _ in first })))
                return
            }
            for (name, state) in parts { print("\(name): \(state)") }
        }
    }
}
