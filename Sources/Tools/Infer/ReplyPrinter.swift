import Foundation
import ModelZoo
import SouthGPT
import TensorCore
import ToolOptions

/// Shows a reply as it is made: text on stdout, progress on stderr, media in a folder.
struct ReplyPrinter {
    private let folder: OutputFolder
    private let show: OutputOptions
    private let explain: Bool
    private let interruption: Interruption

    init(
        _ folder: OutputFolder, _ show: OutputOptions, explain: Bool, _ interruption: Interruption
    ) {
        self.folder = folder
        self.show = show
        self.explain = explain
        self.interruption = interruption
    }

    func print(replyTo request: Request, in session: Session) throws {
        let progress = show.progress
        let isTerminal = isatty(STDOUT_FILENO) == 1
        var written: [String] = []
        var isLineOpen = false
        let response = try session.respond(to: request) { event in
            if interruption.stop.isRaised { throw CancellationError() }
            switch event {
            case .text(let piece):
                progress?.clear()
                if !show.json { FileHandle.standardOutput.write(Data(piece.utf8)) }
                isLineOpen = !piece.hasSuffix("\n")
            case .progress(let step):
                if step.job != .thinking {  // which shows itself as text
                    // A bar begins on a line of its own.
                    if isTerminal, isLineOpen, !show.json { Swift.print() }
                    isLineOpen = false
                    progress?.show("\(step.job)", step.completed, of: step.total)
                }
            case .medium(let medium):
                written.append(try folder.write(medium))
            }
        }
        if show.json {
            try show.printJSON(ReplyReport(response, files: written))
            return
        }
        Swift.print()
        for file in written { Swift.print(file) }
        if explain { for line in response.explanation { Swift.print(line) } }
    }
}

/// The one JSON object of `--json`.
private struct ReplyReport: Encodable {
    struct Medium: Encodable {
        let modality: String
        let path: String
        let caption: String
    }

    enum Segment: Encodable {
        case text(String)
        case medium(Medium)

        private enum Key: CodingKey { case text, modality, path, caption }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            switch self {
            case .text(let text): try container.encode(text, forKey: .text)
            case .medium(let medium):
                try container.encode(medium.modality, forKey: .modality)
                try container.encode(medium.path, forKey: .path)
                try container.encode(medium.caption, forKey: .caption)
            }
        }
    }

    let text: String
    let segments: [Segment]
    let media: [Medium]
    let tokens: [String: Int]
    let seconds: [String: Double]
    let peakMemoryBytes: Int
    let explanation: [String]

    init(_ response: Response, files: [String]) {
        var rest = files[...]
        var media: [Medium] = []
        text = response.text
        segments = response.segments.map { segment in
            switch segment {
            case .text(let text): return .text(text)
            case .medium(let made):
                let medium = Medium(
                    modality: made.modality.rawValue, path: rest.popFirst() ?? "",
                    caption: made.caption)
                media.append(medium)
                return .medium(medium)
            }
        }
        self.media = media
        tokens = ["prompt": response.promptTokens, "generated": response.generatedTokens]
        seconds = response.seconds
        peakMemoryBytes = Machine.peakMemoryBytes
        explanation = response.explanation
    }
}
