import ArgumentParser

@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "southgpt-bench",
        abstract: "Time what models spend their time in, on this machine.",
        subcommands: [
            Operations.self, TrainingSteps.self, LanguageModels.self, Chats.self,
            Towers.self, DiffusionPasses.self, MediaLoading.self,
        ],
        defaultSubcommand: Operations.self)
}
