import ArgumentParser
import SouthGPT
import ToolOptions

@main
struct CheckpointTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "southgpt-checkpoint",
        abstract: "Make, look into and check model folders and checkpoint files.",
        subcommands: [
            Init.self, Inspect.self, Verify.self, Convert.self, Quantize.self, Diff.self,
            MergeDelta.self, Assemble.self,
        ])
}
