import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#endif

/// A learning rate over a run: it rises over the warm-up, then stays, falls in a line, or falls
/// along a cosine.
///
/// - Source: DeepSpeed 0.9.3, `WarmupDecayLR` and `WarmupLR`; the cosine is Loshchilov and Hutter
///   2016, arXiv:1608.03983, without restarts
public struct LearningRate: Equatable, Sendable {
    /// What follows the warm-up, by the names that `scheduler.type` has for it.
    public enum Decay: String, Codable, CaseIterable, Sendable {
        /// In a line to `minimum`.
        case linear = "WarmupDecayLR"
        /// Along half a cosine to `final`.
        case cosine = "WarmupCosineLR"
        /// Not at all.
        case constant = "WarmupLR"
    }

    /// How the rate rises, by the names that `warmup_type` has for it.
    public enum Warmup: String, Codable, CaseIterable, Sendable {
        /// With the logarithm of the step: the published way.
        case logarithmic = "log"
        /// In a line.
        case linear
    }

    public let decay: Decay
    public let warmup: Warmup
    /// The rate at the start of the warm-up, and at the end of a line.
    public let minimum: Double
    /// The rate at its end, the highest.
    public let maximum: Double
    /// The rate at the end of a cosine.
    public let final: Double
    /// Steps of the warm-up; at least 2.
    public let warmupSteps: Int
    /// The step at which the rate is at its end.
    public let totalSteps: Int

    /// A schedule over `totalSteps` optimiser steps.
    public init(
        _ decay: Decay = .linear, warmup: Warmup = .logarithmic, minimum: Double = 0,
        maximum: Double, final: Double = 0, warmupSteps: Int, totalSteps: Int
    ) {
        (self.decay, self.warmup) = (decay, warmup)
        (self.minimum, self.maximum, self.final) = (minimum, maximum, final)
        self.warmupSteps = max(2, warmupSteps)
        self.totalSteps = totalSteps
    }

    /// The rate after `completed` optimiser steps.
    public func callAsFunction(_ completed: Int) -> Double {
        if completed < warmupSteps {
            let share =
                switch warmup {
                case .logarithmic: log(Double(completed + 1)) / log(Double(warmupSteps))
                case .linear: Double(completed) / Double(warmupSteps)
                }
            return minimum + (maximum - minimum) * share
        }
        let left =
            Double(max(0, totalSteps - completed)) / Double(max(1, totalSteps - warmupSteps))
        switch decay {
        case .linear: return minimum + (maximum - minimum) * left
        case .cosine: return final + (maximum - final) * (1 - cos(.pi * min(1, left))) / 2
        case .constant: return maximum
        }
    }
}
