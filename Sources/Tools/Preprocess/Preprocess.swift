import ArgumentParser
import DataPipeline
import FoundationEssentials
import ToolOptions

@main
struct Preprocess: AsyncParsableCommand, Sendable {
    static let configuration = CommandConfiguration(
        commandName: "southgpt-preprocess",
        abstract: "Make the datasets of the catalog ready for training, and say what is in them.",
        discussion: """
            Without arguments every dataset of the catalog that is there is converted where it is \
            still as published, written where the catalog reads it, and looked at record by record. \
            Exits with 1 where a record of a dataset cannot be used.
            """)

    @Argument(help: "Datasets of the catalog; all that are there where none is named.")
    var datasets: [String] = []

    @Option(
        help: ArgumentHelp(
            "A catalog of your own, laid over the package's; repeatable.", valueName: "file"))
    var catalog: [String] = []

    @Option(help: ArgumentHelp("Where data/ and ckpt/ lie.", valueName: "dir"))
    var root = "."

    @Option(
        help: ArgumentHelp(
            "Write the report as FILE.json and, with samples to look at, as FILE.html.",
            valueName: "file"))
    var report: String?

    @Option(
        help: ArgumentHelp(
            "Print record N of each dataset, position by position, as training lays it out.",
            valueName: "N"))
    var show: Int?

    @Option(
        help: ArgumentHelp(
            "A folder with tokenizer.model, or a model folder; Vicuna's or MelodyMini's by default.",
            valueName: "dir"))
    var tokenizer: String?

    @Option(
        name: [.long, .customLong("max_length")],
        help: "Tokens of a sample's text that training keeps.")
    var maxLength = 512

    @Option(help: "What stage 1 asks about a medium.") var prompt = "generate a caption"

    @Flag(help: "Decode every medium, not only some two hundred of each dataset.")
    var allMedia = false

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard maxLength > 0 else {
            throw ValidationError("--max-length: \(maxLength), expected 1 or more.")
        }
        guard (show ?? 0) >= 0 else { throw ValidationError("--show: records count from 0.") }
    }

    func run() async throws {
        do {
            let survey = try Survey(self)
            let isClean = try await Interruption().cancelling { try await survey.run() }
            if !isClean { throw ExitCode.failure }
        } catch {
            try reportingErrors(json: output.json) { throw error }
        }
    }
}
