import Foundation
import Synchronization
import ToolOptions
import Training

/// Shows a run on stderr: a bar with the loss, the accuracy, the speed and the time left.
final class ProgressWatcher: RunObserver {
    private struct Shown {
        var line: ProgressLine?
        var last: StepReport?
    }

    private let shown: Mutex<Shown>
    private let every: Int

    /// - Parameter every: steps from one redrawing to the next
    init(_ line: sending ProgressLine?, every: Int) {
        shown = Mutex(Shown(line: line))
        self.every = every
    }

    /// The last step that was taken.
    var lastStep: StepReport? { shown.withLock(\.last) }

    /// Prints a line, unless nothing is to be shown.
    func say(_ text: String) {
        shown.withLock { shown in
            guard let line = shown.line else { return }
            line.clear()
            FileHandle.standardError.write(Data("\(text)\n".utf8))
        }
    }

    func note(_ event: TrainingEvent) {
        switch event {
        case .step(let report): step(report)
        case .evaluation(let report):
            say(
                "step \(report.step): held-out loss \(String(format: "%.4f", report.loss))"
                    + (report.isBest ? ", the best so far" : ""))
        case .saved(let path, let step): say("step \(step): saved \(path)")
        case .message(let text): say("note: \(text)")
        case .preview(let preview, let step):
            if case .text(let text) = preview.content {
                say("step \(step): \(preview.name): \(text)")
            }
        case .started, .stopped: shown.withLock { $0.line?.clear() }
        }
    }

    private func step(_ report: StepReport) {
        shown.withLock { shown in
            shown.last = report
            guard report.step.isMultiple(of: every) || report.step == report.steps else { return }
            shown.line?.show(
                "training", report.step, of: report.steps, detail: report.progressText,
                secondsLeft: report.secondsLeft)
        }
    }
}

/// What came of a run.
struct TrainingResult: Encodable, CustomStringConvertible {
    let task: String
    let outcome: String
    let step: Int
    let steps: Int
    let loss: Double?
    let savePath: String

    init(_ reason: StopReason, run: TrainingRun, _ last: StepReport?) {
        (task, savePath) = (run.summary.task, run.savePath)
        outcome = reason.sentence
        steps = run.summary.steps
        step = last?.step ?? run.summary.completed
        loss = last?.loss
    }

    var description: String {
        "\(task): \(outcome) after \(step) of \(steps) steps"
            + (loss.map { String(format: ", loss %.4f", $0) } ?? "") + "; in \(savePath)"
    }
}
