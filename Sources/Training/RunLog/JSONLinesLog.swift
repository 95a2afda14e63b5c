import FoundationEssentials

/// A run for programs: one object a line in `log.jsonl`, told apart by `event`.
struct JSONLinesLog: LogFile {
    private let file: AppendedFile

    /// Goes on at the end of what is there.
    init(folder: String) throws { file = try AppendedFile("\(folder)/log.jsonl") }

    func note(_ event: TrainingEvent) throws {
        switch event {
        case .started(let run): try append("started", step: run.completed, run)
        case .step(let report): try append("step", step: report.step, report)
        case .evaluation(let report): try append("evaluation", step: report.step, report)
        case .preview(let preview, let step):
            // Pictures and sounds are TensorBoard's.
            guard case .text(let text) = preview.content else { return }
            try append("preview", step: step, ["name": preview.name, "text": text])
        case .saved(let path, let step): try append("saved", step: step, ["path": path])
        case .message(let text): try append("message", step: nil, ["text": text])
        case .stopped(let reason, let step):
            try append("stopped", step: step, ["reason": reason.sentence])
        }
    }

    private struct Line<Content: Encodable>: Encodable {
        let event: String
        let time: Double
        let step: Int?
        let content: Content

        enum CodingKeys: String, CodingKey { case event, time, step }

        func encode(to encoder: any Encoder) throws {
            try content.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(event, forKey: .event)
            try container.encode(time, forKey: .time)
            try container.encodeIfPresent(step, forKey: .step)
        }
    }

    private func append(_ event: String, step: Int?, _ content: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // A loss that is no number is what one wants to read about.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let time = (Date().timeIntervalSince1970 * 1000).rounded() / 1000
        let line = Line(event: event, time: time, step: step, content: content)
        try file.append([UInt8](try encoder.encode(line)) + [UInt8(ascii: "\n")])
    }
}

extension StopReason {
    /// The reason in words.
    public var sentence: String {
        switch self {
        case .completed: "all steps are done"
        case .stoppedEarly(let evaluations):
            "the held-out loss did not fall for \(evaluations) evaluations"
        case .interrupted: "interrupted; the run can be resumed"
        case .notFinite(let list): "a loss or gradient is no number; \(list) names the samples"
        case .failed(let reason): reason
        }
    }
}
