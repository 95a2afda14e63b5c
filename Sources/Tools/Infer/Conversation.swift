import Foundation
import ModelZoo
import SouthGPT
import ToolOptions

/// A chat on the terminal: every line is a turn; media are named by path before it.
struct Conversation {
    private let session: Session
    private let printer: ReplyPrinter
    private let generation: GenerationFlags

    init(_ session: Session, _ printer: ReplyPrinter, _ generation: GenerationFlags) {
        self.session = session
        self.printer = printer
        self.generation = generation
    }

    func run() throws {
        note(
            "'/image F', '/audio F', '/video F' add a medium to the next turn; "
                + "'/clear' forgets; '/quit' ends.")
        var media: [MediumFile] = []
        while true {
            note("> ", newline: false)
            guard let line = readLine() else { return }
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            switch words.first {
            case nil: continue
            case "/quit": return
            case "/clear":
                session.reset()
                media = []
            case let command? where command.hasPrefix("/"):
                guard let modality = Modality(rawValue: String(command.dropFirst())),
                    words.count == 2
                else {
                    note("'\(line)' is no command.")
                    continue
                }
                media.append(MediumFile(modality, words[1]))
            default:
                // A turn that fails is told and forgotten; the conversation goes on.
                do {
                    try printer.print(
                        replyTo: Request(
                            line, media: media, output: try generation.output,
                            options: generation.options), in: session)
                } catch is CancellationError {
                    throw CancellationError()
                } catch {
                    note("\(error)")
                }
                media = []
            }
        }
    }

    private func note(_ text: String, newline: Bool = true) {
        FileHandle.standardError.write(Data((text + (newline ? "\n" : "")).utf8))
    }
}
