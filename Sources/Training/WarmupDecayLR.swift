import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#endif

/// A learning rate that rises with the logarithm of the step, then falls in a line to zero.
///
/// - Source: DeepSpeed 0.9.3, `WarmupDecayLR` with its logarithmic warm-up
public struct WarmupDecayLR: Equatable, Sendable {
    /// The rate at the start of the warm-up.
    public let minimum: Double
    /// The rate at its end, the highest.
    public let maximum: Double
    /// Steps of the warm-up; at least 2.
    public let warmupSteps: Int
    /// The step at which the rate reaches zero.
    public let totalSteps: Int

    /// A schedule over `totalSteps` optimiser steps.
    public init(minimum: Double = 0, maximum: Double, warmupSteps: Int, totalSteps: Int) {
        self.minimum = minimum
        self.maximum = maximum
        self.warmupSteps = max(2, warmupSteps)
        self.totalSteps = totalSteps
    }

    /// The rate after `completed` optimiser steps.
    public func callAsFunction(_ completed: Int) -> Double {
        if completed < warmupSteps {
            let share = log(Double(completed + 1)) / log(Double(warmupSteps))
            return minimum + (maximum - minimum) * share
        }
        let left = Double(max(0, totalSteps - completed))
        return maximum * left / Double(max(1, totalSteps - warmupSteps))
    }
}
