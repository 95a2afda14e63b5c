import ArgumentParser
import SouthGPT
import ToolOptions

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Open a model folder, every part of it, and hold each tensor against its network.",
        discussion: "Names, shapes and types are checked; hashes in southgpt.json are not yet.")

    @Argument(help: "The model folder, with southgpt.json.")
    var folder: String

    @OptionGroup var show: OutputOptions

    private struct Report: Encodable {
        let folder: String
        let parts: [String: String]
    }

    func run() throws {
        try reportingErrors(json: show.json) {
            let parts = try MultimodalModel(folder).verify()
            if show.json {
                try show.printJSON(
                    Report(
                        folder: folder,
                        parts: Dictionary(parts, uniquingKeysWith: { first, _ in first })))
                return
            }
            for (name, state) in parts { print("\(name): \(state)") }
        }
    }
}
