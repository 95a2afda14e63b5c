import Diffusion
import Foundation
import ModelZoo
import SouthGPT
import TensorCore
import ToolOptions

/// Makes media with a decoder alone: progress on stderr, files in a folder.
struct MediumMaker {
    private let folder: OutputFolder
    private let show: OutputOptions
    private let interruption: Interruption

    init(_ folder: OutputFolder, _ show: OutputOptions, _ interruption: Interruption) {
        (self.folder, self.show, self.interruption) = (folder, show, interruption)
    }

    /// The one JSON object of `--json`.
    private struct Report: Encodable {
        struct Medium: Encodable {
            let modality: String
            let path: String
            let caption: String
            let seed: UInt64?
            let isFlagged: Bool?
        }

        let media: [Medium]
        let seconds: [String: Double]
        let peakMemoryBytes: Int
    }

    func make(_ request: MediumRequest, with model: DecoderModel) throws {
        let progress = show.progress
        let begin = ContinuousClock.now
        var rate = StepRate()
        let label = "making \(model.modality.rawValue)"
        let media = try model.media(for: request) { event in
            try stopWhereAsked()
            switch event {
            case .began(let plan, let seconds):
                if !show.quiet {
                    progress?.clear()
                    note(
                        "\(plan.steps) step\(plan.steps == 1 ? "" : "s"), \(Duration.text(seconds)) or so, and "
                            + "\(plan.peakBytes >> 20) MiB beside the weights")
                }
                rate.begin(seconds: seconds, steps: plan.steps)
            case .step(let index, let count):
                progress?.show(
                    label, index, of: count, secondsLeft: rate.secondsLeft(after: index, of: count))
            case .preview(let picture, let step):
                progress?.clear()
                note("preview: \(try folder.write(preview: picture, step: step))")
            }
        } onLayer: {
            try stopWhereAsked()
        }
        let written = try media.map { (medium: $0, path: try folder.write($0)) }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        if show.json {
            try show.printJSON(
                Report(
                    media: written.enumerated().map { index, made in
                        Report.Medium(
                            modality: made.medium.modality.rawValue, path: made.path,
                            caption: made.medium.caption,
                            seed: request.options.seed.map { $0 &+ UInt64(index) },
                            isFlagged: made.medium.isFlagged)
                    }, seconds: [model.modality.rawValue: seconds],
                    peakMemoryBytes: Machine.peakMemoryBytes))
            return
        }
        for (medium, path) in written {
            print(path)
            if medium.isFlagged == true {
                note("\(path): the safety checker takes it for one that should not be shown.")
            }
        }
        if !show.quiet {
            note(
                "\(Duration.text(seconds)), at most \(Machine.peakMemoryBytes >> 20) MiB of memory")
        }
    }

    private func stopWhereAsked() throws {
        if interruption.stop.isRaised { throw CancellationError() }
    }

    private func note(_ text: String) {
        FileHandle.standardError.write(Data("\(text)\n".utf8))
    }
}

/// How long the rest of a run may take: guessed before its first step, then as its steps took.
private struct StepRate {
    private var begin = ContinuousClock.now
    private var guess = 0.0

    mutating func begin(seconds: Double, steps: Int) {
        begin = .now
        guess = seconds / Double(max(steps, 1))
    }

    func secondsLeft(after index: Int, of count: Int) -> Double {
        let taken = (ContinuousClock.now - begin) / .seconds(1)
        return (index > 0 ? taken / Double(index) : guess) * Double(count - index)
    }
}

extension Duration {
    /// Seconds in words, such as `2 h 5 min`.
    fileprivate static func text(_ seconds: Double) -> String {
        let whole = Int(min(1e9, max(1, seconds.rounded())))
        if whole < 90 { return "\(whole) s" }
        if whole < 5400 { return "\((whole + 30) / 60) min" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
}
