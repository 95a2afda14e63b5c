import Foundation
import TensorCore

/// How much signal and noise each training timestep has, and which timesteps a run visits.
///
/// Source: diffusers 0.42.1, in the precision that it computes in: tables in `float32`, products
/// accumulated in double precision and rounded at every step, spacing in double precision.
package struct NoiseSchedule: Sendable {
    /// ᾱ: the share of the signal's variance, by timestep.
    package let alphas: [Float]
    /// ᾱ before the first timestep.
    let finalAlpha: Float

    package init(_ config: SchedulerConfig) throws {
        try config.check()
        var product = 1.0
        alphas = NoiseSchedule.betas(config).map { beta in
            product *= Double(1 - beta)
            return Float(product)
        }
        guard alphas.allSatisfy({ $0 > 0 && $0 < 1 }) else {
            throw config.unsupported("betas outside 0 to 1", "Check beta_start and beta_end.")
        }
        finalAlpha = config.finalAlphaIsOne ? 1 : alphas[0]
    }

    /// ᾱ at a timestep, or the final one where the timestep lies before the first.
    func alpha(at timestep: Int) -> Float { timestep >= 0 ? alphas[timestep] : finalAlpha }

    /// Signal and noise at a timestep.
    func level(at timestep: Int) -> NoiseLevel { NoiseLevel(alpha: alpha(at: timestep)) }

    /// √((1 − ᾱ) / ᾱ): the noise beside a signal of one, by timestep.
    package var sigmas: [Float] { alphas.map { ((1 - $0) / $0).squareRoot() } }

    private static func betas(_ config: SchedulerConfig) -> [Float] {
        if let betas = config.trainedBetas { return betas }
        let count = config.trainTimesteps
        let first = config.betaStart ?? (config.kind == .lcm ? 0.00085 : 0.0001)
        let last = config.betaEnd ?? (config.kind == .lcm ? 0.012 : 0.02)
        switch config.betaSchedule ?? (config.kind == .lcm ? .scaledLinear : .linear) {
        case .linear:
            return ramp(Float(first), Float(last), count)
        case .scaledLinear:
            return ramp(Float(first.squareRoot()), Float(last.squareRoot()), count)
                .map { $0 * $0 }
        case .cosine:
            func signal(_ t: Double) -> Double {
                let c = cos((t + 0.008) / 1.008 * .pi / 2)
                return c * c
            }
            return (0..<count).map { i in
                let (from, to) = (Double(i) / Double(count), Double(i + 1) / Double(count))
                return Float(min(1 - signal(to) / signal(from), 0.999))
            }
        }
    }

    /// Evenly spaced numbers, counted from the nearer end as PyTorch does.
    private static func ramp(_ first: Float, _ last: Float, _ count: Int) -> [Float] {
        let step = (last - first) / Float(count - 1)
        return (0..<count).map { i in
            i < count / 2 ? first + step * Float(i) : last - step * Float(count - 1 - i)
        }
    }
}

// MARK: - The timesteps of a run

extension SchedulerConfig {
    /// The training timesteps from one step to the next.
    func stride(_ steps: Int) -> Int { trainTimesteps / steps }

    /// `steps` timesteps in falling order; fractional where `rounded` is false and the spacing
    /// is even.
    func timesteps(_ steps: Int, rounded: Bool = true) -> [Double] {
        let last = Double(trainTimesteps - 1)
        switch spacing {
        case .leading:
            return (0..<steps).reversed().map { Double($0 * stride(steps) + offset) }
        case .linspace:
            return spread(0, last, steps).reversed().map {
                rounded ? $0.rounded(.toNearestOrEven) : $0
            }
        case .trailing:
            return trailingTimesteps(steps)
        }
    }

    /// `steps` timesteps in falling order for solvers that integrate to the very end: one more is
    /// spaced out and the last left away.
    func solverTimesteps(_ steps: Int) throws -> [Double] {
        let last = Double(trainTimesteps - 1)
        switch spacing {
        case .leading:
            guard stride(steps + 1) > 0 else {
                throw SchedulerError.steps(found: steps, most: trainTimesteps - 1)
            }
            return (1...steps).reversed().map { Double($0 * stride(steps + 1) + offset) }
        case .linspace:
            return spread(0, last, steps + 1).dropFirst().reversed().map {
                $0.rounded(.toNearestOrEven)
            }
        case .trailing:
            return trailingTimesteps(steps)
        }
    }

    private func trailingTimesteps(_ steps: Int) -> [Double] {
        let ratio = Double(trainTimesteps) / Double(steps)
        return (0..<steps).map { k in
            (Double(trainTimesteps) - Double(k) * ratio).rounded(.toNearestOrEven) - 1
        }
    }
}

/// `count` evenly spaced numbers from `first` to `last`; only `first` where `count` is one.
func spread(_ first: Double, _ last: Double, _ count: Int) -> [Double] {
    let step = count > 1 ? (last - first) / Double(count - 1) : 0
    return (0..<count).map { $0 == count - 1 && count > 1 ? last : first + Double($0) * step }
}

// MARK: - What the network's answer means

extension PredictionType {
    /// The clean sample and the noise that an answer implies for latents of a level.
    func resolve(
        _ output: Tensor, _ latents: Tensor, _ level: NoiseLevel
    ) -> (clean: Tensor, noise: Tensor) {
        let (signal, deviation) = (level.signal, level.deviation)
        return switch self {
        case .epsilon: ((latents - output * deviation) / signal, output)
        case .velocity:
            (
                latents * signal - output * deviation,
                output * signal + latents * deviation
            )
        case .sample: (output, (latents - output * signal) / deviation)
        }
    }
}
