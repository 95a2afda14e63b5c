import ArgumentParser
import SouthGPT
import ToolOptions

struct Assemble: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write southgpt.json for the README's ckpt/ layout.",
        discussion: """
            Finds ImageBind and Vicuna in pretrained_ckpt/, the decoders there, in SOUTHGPT_CKPT and \
            in the Hugging Face cache, and what training added in delta_ckpt/southgpt/. Tools take \
            such a folder without it too; the file makes the choice lasting, and is where hashes and \
            defaults go.

            EXAMPLE
              southgpt-checkpoint assemble --ckpt ckpt --delta ckpt/delta_ckpt/southgpt/mine
            """)

    @Option(help: ArgumentHelp("The folder that has pretrained_ckpt/.", valueName: "dir"))
    var ckpt = "ckpt"

    @Option(
        help: ArgumentHelp(
            "The delta; absent: 7b_tiva_v0 in delta_ckpt/southgpt, or the only one there.",
            valueName: "dir"))
    var delta: String?

    @Flag(help: "Replace a southgpt.json that is there.")
    var replace = false

    @OptionGroup var show: OutputOptions

    func run() throws {
        try reportingErrors(json: show.json) {
            guard let layout = CheckpointLayout(ckpt) else {
                throw ModelError.missingManifest(folder: ckpt)
            }
            let manifest = try layout.assemble(delta: delta, replacing: replace)
            if show.json {
                try show.printJSON(manifest)
                return
            }
            for (name, part) in manifest.components.sorted(by: { $0.key < $1.key }) {
                print("\(name): \(part.path)")
            }
        }
    }
}
