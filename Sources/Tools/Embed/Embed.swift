public import ArgumentParser
public import ModelZoo
import ToolOptions

@main
struct Embed: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "southgpt-embed",
        abstract: "Compute the embeddings of captions that the output projections learn from.",
        discussion: """
            Writes one NumPy file a caption, NAME.EXT.npy, and index.tsv, which says of which caption \
            and by which model each is. What is there already is skipped; a caption that was changed \
            since, or another model, is not. Stopped at any moment, the same command goes on.

            Captions come from pair files, T-T+X dialogues and MosIT, as JSON, JSON Lines, CSV, TSV or \
            tar shards. A caption longer than the encoder reads loses its own end and nothing else.

            A path that begins with ../ is taken as it is if it is there. If not, it is one of the \
            README's, which runs its programs in code/: ../data is then data/ under --root. OUTDIR \
            is understood as CAPTIONS is.

            EXAMPLE
              southgpt-embed ../data/T-X_pair_data/cc3m/cc3m.json image ../data/embed/ \
            runwayml/stable-diffusion-v1-5
            """)

    @Argument(help: "The file of captions.")
    var captions: String

    @Argument(help: "What they describe: image, video or audio.")
    var modality: Modality

    @Argument(help: ArgumentHelp("The folder to fill.", valueName: "outdir"))
    var output: String

    @Argument(
        help: """
            The decoder whose text encoder is used: a name as on the hub, looked up under \
            ckpt/pretrained_ckpt, SOUTHGPT_CKPT and the Hugging Face cache, or a folder.
            """)
    var model: String

    @Option(
        name: [.long, .customLong("batch_size")],
        help: "Captions whose files are written together.")
    var batchSize = 128

    @Flag(help: "Go on with an earlier run; every run does, this only says so.")
    var resume = false

    @Flag(help: "Also make again what another program wrote, which is otherwise kept.")
    var replace = false

    @Option(help: ArgumentHelp("Where data/ and ckpt/ lie.", valueName: "dir"))
    var root = "."

    @OptionGroup var show: OutputOptions

    func validate() throws {
        guard (1...65536).contains(batchSize) else {
            throw ValidationError("--batch-size: \(batchSize), expected 1 to 65536.")
        }
    }

    func run() throws {
        try reportingErrors(json: show.json) {
            let isWhole = try Embedding(self).run()
            if !isWhole { throw ExitCode.failure }
        }
    }
}

extension Modality: ExpressibleByArgument {}
