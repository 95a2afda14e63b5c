/// Something that happened in a run, for those who watch it: logs, progress bars, programs.
public enum TrainingEvent: Sendable {
    /// Before the first step, and again where a run goes on.
    case started(RunSummary)
    /// After every optimiser step.
    case step(StepReport)
    /// After a pass over the held-out samples.
    case evaluation(EvaluationReport)
    /// What the networks make of a held-out sample.
    case preview(Preview, step: Int)
    /// A checkpoint or the trained weights were written there.
    case saved(path: String, step: Int)
    /// A sentence for people: a correction, a sample left out.
    case message(String)
    /// The last event, `step` steps being completed.
    case stopped(StopReason, step: Int)
}

/// Watches a run. Called in order, from one thread, by rank 0 alone; what takes long holds the run
/// up.
public protocol RunObserver: Sendable {
    /// Takes notice.
    func note(_ event: TrainingEvent)
}

/// Why a run ended.
public enum StopReason: Sendable, Equatable {
    /// All steps are done.
    case completed
    /// The held-out loss did not fall for that many evaluations.
    case stoppedEarly(evaluations: Int)
    /// A signal or the program asked for it; a checkpoint was written.
    case interrupted
    /// Losses or gradients are no numbers; the file names the samples.
    case notFinite(list: String)
    /// An error, in one line.
    case failed(String)
}

/// What a run trains, on what, for how long.
public struct RunSummary: Sendable, Codable, Equatable {
    /// Parameters that move.
    public struct Group: Sendable, Codable, Equatable {
        /// The phase of a step in which they do; `all` where there is one.
        public let phase: String
        public let name: String
        public let tensors: Int
        /// How many numbers.
        public let parameters: Int
    }

    /// Samples of one dataset.
    public struct Data: Sendable, Codable, Equatable {
        public let name: String
        public let type: String
        /// Those that are trained on.
        public let samples: Int
        /// Those that only evaluations see.
        public let heldOut: Int
    }

    /// Such as `stage_1`.
    public let task: String
    public let groups: [Group]
    /// All there is and what of it moves, where a task says so.
    public let parameters: ParameterReport?
    public let data: [Data]
    /// Samples of one optimiser step, over all ranks.
    public let batchSize: Int
    public let microBatch: Int
    public let accumulation: Int
    public let ranks: Int
    /// Optimiser steps of the whole run.
    public let steps: Int
    /// Steps that were completed before: not 0 where the run goes on.
    public let completed: Int
    /// The config as resolved, by dotted key.
    public let config: [String: String]
    /// What was corrected or has no effect, one sentence each.
    public let notes: [String]
}

/// One optimiser step.
public struct StepReport: Sendable, Codable, Equatable {
    /// Steps completed, this one included.
    public let step: Int
    /// Steps of the whole run.
    public let steps: Int
    /// The weighted sum of all terms, of all phases.
    public let loss: Double
    /// Each term's mean over the step, unweighted, by its name: `mle_loss`, `mse_loss`.
    public let terms: [String: Double]
    /// Share of labelled tokens that were predicted; nil where there are none.
    public let accuracy: Double?
    public let learningRate: Double
    /// The gradient's norm before clipping, by phase.
    public let gradientNorms: [String: Double]
    /// The datasets that the step's batches came from.
    public let datasets: [String]
    public let samples: Int
    /// Tokens that went through a language model or text encoder; 0 where the task has none.
    public let tokens: Int
    /// By the wall clock since the step before ended: waits for data, evaluations and checkpoints
    /// are in it.
    public let seconds: Double
    /// Over the last steps, all ranks, by the same clock; so is the next.
    public let samplesPerSecond: Double
    public let tokensPerSecond: Double
    /// Until the last step, at that pace.
    public let secondsLeft: Double
    /// The most memory that rank 0 had so far.
    public let peakMemoryBytes: Int
    /// Samples so far that could not be used, and that were too long to learn from.
    public let bad: Int
    public let dropped: Int
}

extension StepReport {
    /// Loss, accuracy and speed, for a line of progress.
    public var progressText: String {
        var parts = ["loss \(fixed(loss, 4))"]
        if let accuracy { parts.append("accuracy \(fixed(accuracy * 100, 2)) %") }
        parts.append(
            tokens > 0
                ? "\(fixed(tokensPerSecond, 0)) tokens/s"
                : "\(fixed(samplesPerSecond, 2)) samples/s")
        return parts.joined(separator: ", ")
    }
}

/// A pass over the held-out samples.
public struct EvaluationReport: Sendable, Codable, Equatable {
    /// Steps completed.
    public let step: Int
    public let loss: Double
    /// As in `StepReport`.
    public let terms: [String: Double]
    public let accuracy: Double?
    public let samples: Int
    /// Whether no evaluation before was better.
    public let isBest: Bool
}
