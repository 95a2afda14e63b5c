import Foundation
import SouthGPT
import TensorCore
import ToolOptions

/// Talks with a language model alone: one prompt, or a turn a line.
struct TextChat {
    private let session: TextSession
    private let options: GenerationOptions
    private let show: OutputOptions
    private let interruption: Interruption

    init(
        _ session: TextSession, _ options: GenerationOptions, _ show: OutputOptions,
        _ interruption: Interruption
    ) {
        self.session = session
        self.options = options
        self.show = show
        self.interruption = interruption
    }

    /// The one JSON object of `--json`; media are never in it.
    private struct Report: Encodable {
        let text: String
        let segments: [String]
        let media: [String]
        let tokens: [String: Int]
        let seconds: [String: Double]
        let peakMemoryBytes: Int
        let template: String
    }

    func answer(_ prompt: String) throws {
        let response = try session.respond(to: prompt, options: options) { piece in
            if interruption.stop.isRaised { throw CancellationError() }
            if !show.json { FileHandle.standardOutput.write(Data(piece.utf8)) }
        }
        guard show.json else {
            print()
            return
        }
        try show.printJSON(report(response))
    }

    /// Answers prompts that know nothing of each other; a reply is printed when all are made.
    func answer(all prompts: [String]) throws {
        let responses = try session.model.respond(
            toAll: prompts, template: session.template, system: session.system, options: options
        ) { _, _ in
            if interruption.stop.isRaised { throw CancellationError() }
        }
        if show.json {
            try show.printJSON(responses.map(report))
        } else {
            for response in responses { print("\(response.text)\n") }
        }
    }

    private func report(_ response: Response) -> Report {
        Report(
            text: response.text, segments: [response.text], media: [],
            tokens: ["prompt": response.promptTokens, "generated": response.generatedTokens],
            seconds: response.seconds, peakMemoryBytes: Machine.peakMemoryBytes,
            template: session.template.rawValue)
    }

    func converse() throws {
        note("'/clear' forgets; '/quit' ends. Template: \(session.template.rawValue)")
        while true {
            note("> ", newline: false)
            guard let line = readLine() else { return }
            switch line {
            case "": continue
            case "/quit": return
            case "/clear": session.reset()
            default:
                // A turn that fails is told and forgotten; the conversation goes on.
                do {
                    try answer(line)
                } catch let error as CancellationError {
                    throw error
                } catch {
                    note("\(error)")
                }
            }
        }
    }

    private func note(_ text: String, newline: Bool = true) {
        FileHandle.standardError.write(Data((text + (newline ? "\n" : "")).utf8))
    }
}
