public import ArgumentParser
import Foundation
public import SouthGPT
import ToolOptions

@main
struct Infer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "southgpt-infer",
        abstract: "Ask an any-to-any model: text, images, sounds and clips in; the same out.",
        discussion: """
            The reply's text streams to stdout; its media are written to the output folder, one \
            file each, when they are finished. Ctrl-C stops within one token or denoising step \
            and leaves no half-written file.

            EXAMPLES
              southgpt-infer --model tiny --prompt "What is this?" --image photo.jpg \\
                --modalities text,audio --output out --seed 7
              southgpt-infer --model runwayml/stable-diffusion-v1-5 --prompt "a red fox" \\
                --scheduler dpm++2m --steps 20 --output out
            """)

    @OptionGroup var model: ModelFlags

    @Option(name: .shortAndLong, help: "What to ask; read from stdin where absent.")
    var prompt: String?

    @Option(
        help: ArgumentHelp(
            "How conversations are written for a language model alone; from its files where "
                + "absent. One of: "
                + "\(ChatTemplate.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "name"))
    var template: ChatTemplate?

    @Flag(help: "Let a language model alone continue the prompt itself: the template 'raw'.")
    var raw = false

    @Option(help: "The system's sentence for a language model alone.")
    var system: String?

    @Option(
        help: ArgumentHelp(
            "A file with a prompt a line; a language model alone answers them side by side.",
            valueName: "file"))
    var prompts: String?

    @OptionGroup var media: MediaFlags
    @OptionGroup var generation: GenerationFlags
    @OptionGroup(title: "A decoder alone") var alone: DecoderFlags

    @Option(name: .shortAndLong, help: "Folder for the media that are made; created if absent.")
    var output = "."

    @Flag(help: "Converse: a turn a line; '/image F', '/audio F', '/video F' add a medium.")
    var chat = false

    @Flag(help: "Say which signal tokens came, why, and what was loaded.")
    var explain = false

    @OptionGroup var show: OutputOptions

    func run() throws {
        try reportingErrors(json: show.json) {
            if let decoder = try model.decoderAlone ?? alone.rerunDecoder(unless: model.model) {
                try make(with: decoder)
                return
            }
            try alone.refuse()
            if let alone = try model.languageModelAlone {
                try talk(with: alone)
                return
            }
            try refuseWhatTextAloneTakes()
            let folder = try OutputFolder(output)
            let session = Session(try model.open())
            let printer = ReplyPrinter(folder, show, explain: explain, Interruption())
            if chat {
                try Conversation(session, printer, generation).run()
                return
            }
            let words = try words()
            let request = Request(
                words.trimmingCharacters(in: .whitespacesAndNewlines), media: media.files,
                output: try generation.output, options: generation.options)
            try printer.print(replyTo: request, in: session)
        }
    }

    /// Text from a language model without the parts around it.
    private func talk(with path: String) throws {
        let output = try generation.output
        guard media.files.isEmpty, output?.text ?? true, output?.media.isEmpty ?? true else {
            throw ValidationError(
                "\(path) is a language model alone: it reads and writes text, and takes no media "
                    + "and no --modalities.")
        }
        let languageModel = try LanguageModel(path, memory: model.budget)
        show.warn(languageModel.remarks)
        let session = TextSession(languageModel, template: raw ? .raw : template, system: system)
        let chat = TextChat(session, generation.options, show, Interruption())
        if let prompts {
            let text = try String(contentsOf: URL(filePath: prompts), encoding: .utf8)
            try chat.answer(all: text.split(whereSeparator: \.isNewline).map(String.init))
        } else if self.chat {
            try chat.converse()
        } else {
            try chat.answer(words())
        }
    }

    /// Options that say something to a language model alone only are not passed over by others.
    private func refuseWhatTextAloneTakes() throws {
        let given: [(String, Bool)] = [
            ("--prompts", prompts != nil), ("--template", template != nil), ("--raw", raw),
            ("--system", system != nil),
        ]
        for (name, isGiven) in given where isGiven {
            throw ValidationError("\(name): only a language model alone takes it.")
        }
    }

    /// Media from a decoder without the parts around it.
    private func make(with path: String) throws {
        guard media.files.isEmpty, !chat else {
            throw ValidationError(
                "A decoder alone sees no media and does not chat: --initial-image changes a picture."
            )
        }
        let maker = MediumMaker(try OutputFolder(output), show, Interruption())
        try maker.make(
            try alone.request(generation.options, prompt: words),
            with: alone.decoder(path, memory: model.budget))
    }

    private func words() throws -> String {
        try prompt ?? String(decoding: readingStandardInput(), as: UTF8.self)
    }

    private func readingStandardInput() throws -> Data {
        guard isatty(STDIN_FILENO) == 0 else {
            throw ValidationError("Nothing was asked: give --prompt, or pipe the prompt in.")
        }
        return FileHandle.standardInput.readDataToEndOfFile()
    }
}

extension ChatTemplate: ExpressibleByArgument {}
