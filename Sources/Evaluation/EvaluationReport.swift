import FoundationEssentials
public import ModelZoo
import TensorCore

/// What an evaluation found.
public struct EvaluationReport: Codable, Sendable {
    /// One number.
    public struct Score: Codable, Equatable, Sendable {
        /// What was done, such as `image → text`.
        public let task: String
        /// What is counted or measured, such as `instrument`.
        public let name: String
        /// By what, such as `judge`, `pitch`, `BLEU-4`.
        public let by: String
        public let value: Double
        /// Where it lies with 95 %; nil for what has none, such as a distance.
        public let interval: Interval?
        /// Of how many.
        public let count: Int
        /// Whether it is a share of things, 0 to 1.
        public let isShare: Bool

        /// A share of things that are right, with Wilson's interval.
        static func share(
            _ task: String, _ name: String, by: String, _ right: Int, of count: Int
        ) -> Score {
            Score(
                task: task, name: name, by: by,
                value: count == 0 ? 0 : Double(right) / Double(count),
                interval: .wilson(right, of: count), count: count, isShare: true)
        }

        /// A mean, with the bootstrap's interval.
        static func mean(_ task: String, _ name: String, by: String, _ values: [Double]) -> Score {
            Score(
                task: task, name: name, by: by,
                value: values.reduce(0, +) / Double(max(1, values.count)),
                interval: values.isEmpty ? nil : .mean(of: values), count: values.count,
                isShare: false)
        }

        /// The value and its interval as a line of text.
        public var figure: String {
            func number(_ value: Double) -> String {
                isShare ? percent(value) : "\((value * 10_000).rounded() / 10_000)"
            }
            let range = interval.map { " (\(number($0.low)) to \(number($0.high)))" } ?? ""
            return number(value) + range
        }
    }

    /// A judge that was asked.
    public struct JudgeNote: Codable, Sendable {
        public let modality: Modality
        public let record: JudgeRecord
    }

    /// The model's folder and name.
    public let model: String
    public let name: String
    /// The datasets that were looked at.
    public let datasets: [String]
    public let scores: [Score]
    public let judges: [JudgeNote]
    /// What must be known to read the scores.
    public let remarks: [String]

    /// The scores as lines of text, a task at a time.
    public var lines: [String] {
        var lines: [String] = []
        var task = ""
        for score in scores {
            if score.task != task {
                task = score.task
                lines.append(task)
            }
            lines.append("  \(score.name), by \(score.by): \(score.figure), n = \(score.count)")
        }
        return lines + remarks.map { "! \($0)" }
    }

    /// Writes the report as JSON, whole or not at all.
    ///
    /// - Throws: `CheckpointError.unwritable`
    public func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let bytes = Array(try encoder.encode(self))
        try AtomicFile.write(to: path) { try $0.write(bytes) }
    }
}
