import FoundationEssentials
import MediaIO
import TensorCore

/// A run as TensorBoard shows it. `loss`, `mle_acc` and `mse_loss` have the published names.
struct TensorBoardLog: LogFile {
    private let file: EventFile

    init(folder: String) throws {
        file = try EventFile(folder: folder, time: Date().timeIntervalSince1970)
    }

    func note(_ event: TrainingEvent) throws {
        switch event {
        case .started(let run):
            try append(run.completed, [("run", .text(TensorBoardLog.table(of: run)))])
        case .step(let report):
            try append(report.step, scalars(of: report).map { ($0, .scalar(Float($1))) })
        case .evaluation(let report):
            var scalars = [("evaluation/loss", report.loss)]
            scalars += report.terms.sorted { $0.key < $1.key }
                .map { ("evaluation/\(TensorBoardLog.tag(of: $0.key))", $0.value) }
            if let accuracy = report.accuracy { scalars.append(("evaluation/mle_acc", accuracy)) }
            try append(report.step, scalars.map { ($0, .scalar(Float($1))) })
        case .preview(let preview, let step):
            try append(step, [(preview.name, try TensorBoardLog.value(of: preview.content))])
        case .saved, .message, .stopped: break
        }
    }

    private func append(_ step: Int, _ values: [(String, EventValue)]) throws {
        try file.append(
            Event(
                time: Date().timeIntervalSince1970, step: step,
                values.map { (tag: $0.0, value: $0.1) }))
    }

    private func scalars(of report: StepReport) -> [(String, Double)] {
        var scalars = [("loss", report.loss)]
        if let accuracy = report.accuracy { scalars.append(("mle_acc", accuracy)) }
        scalars += report.terms.sorted { $0.key < $1.key }
            .map { (TensorBoardLog.tag(of: $0.key), $0.value) }
        scalars.append(("learning_rate", report.learningRate))
        let norms = report.gradientNorms.sorted { $0.key < $1.key }
        scalars += norms.map { phase, norm in
            (norms.count == 1 ? "gradient_norm" : "gradient_norm/\(phase)", norm)
        }
        scalars.append(("samples_per_second", report.samplesPerSecond))
        if report.tokens > 0 { scalars.append(("tokens_per_second", report.tokensPerSecond)) }
        scalars.append(("memory_bytes", Double(report.peakMemoryBytes)))
        return scalars
    }

    /// The alignment loss stands by itself in the published logs, by a name for what it is not.
    private static func tag(of term: String) -> String {
        term == "mse_loss" ? term : "loss/\(term)"
    }

    private static func table(of run: RunSummary) -> String {
        var lines = ["**\(run.task)**, \(run.steps) steps of \(run.batchSize) samples", ""]
        lines += ["| key | value |", "|---|---|"]
        lines += run.config.sorted { $0.key < $1.key }.map { "| \($0.key) | \($0.value) |" }
        lines += ["", "| trained | parameters |", "|---|---|"]
        lines += run.groups.map { "| \($0.name) | \($0.parameters) |" }
        return lines.joined(separator: "\n")
    }

    private static func value(of content: Preview.Content) throws -> EventValue {
        switch content {
        case .text(let text): return .text(text)
        case .image(let image):
            let (height, width) = (image.shape[0], image.shape[1])
            let planes = image.permuted(2, 0, 1)
            return .image(png: try RGBImage(planes).png(), width: width, height: height)
        case .sound(let samples, let sampleRate):
            return .sound(
                wav: try wavBytes(samples, sampleRate: sampleRate), sampleRate: sampleRate,
                samples: samples.count)
        }
    }
}
