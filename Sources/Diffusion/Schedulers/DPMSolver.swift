import Foundation
public import TensorCore

/// DPM-Solver++ of second order with two steps of memory, midpoint rule.
///
/// Paper: Lu et al. 2022, arXiv:2211.01095. Reference: diffusers, `DPMSolverMultistepScheduler`.
public struct DPMSolver: Scheduler {
    public var timesteps: [Float] { schedule.timesteps }
    let schedule: SigmaSchedule
    public let prediction: PredictionType
    let order: Int
    let firstOrderAtEnd: Bool
    /// The clean sample that the step before predicted.
    var previous: Tensor?

    init(_ config: SchedulerConfig, steps: Int) throws {
        if let algorithm = config.algorithmType, algorithm != "dpmsolver++" {
            throw config.unsupported("algorithm_type \(algorithm)", "Use dpmsolver++.")
        }
        if let type = config.solverType, type == "heun" {
            throw config.unsupported("solver_type heun", "Use midpoint.")
        }
        order = config.solverOrder ?? 2
        guard (1...2).contains(order) else {
            throw config.unsupported("solver_order \(order)", "Use 1 or 2.")
        }
        schedule = SigmaSchedule(
            config, try NoiseSchedule(config), timesteps: try config.solverTimesteps(steps),
            wholeTable: true)
        prediction = config.prediction
        firstOrderAtEnd =
            config.eulerAtFinal ?? false || schedule.sigmas[steps] == 0
            || ((config.lowerOrderFinal ?? true) && steps < 15)
    }

    public func level(at step: Int) -> NoiseLevel { NoiseLevel(sigma: schedule.sigmas[step]) }

    public mutating func advance(
        _ latents: Tensor, at step: Int, output: Tensor, noise: () -> Tensor
    ) -> Tensor {
        let (here, next) = (level(at: step), level(at: step + 1))
        let clean = prediction.resolve(output, latents, here).clean
        defer { previous = clean }
        let h = next.logSNR - here.logSNR
        let gain = next.signal * expm1(-h)
        let first = latents * (next.deviation / here.deviation) - clean * gain
        let atEnd = step == timesteps.count - 1 && firstOrderAtEnd
        guard let previous, order > 1, !atEnd else { return first }
        let before = level(at: step - 1)
        let ratio = (here.logSNR - before.logSNR) / h
        return first - (clean - previous) * (0.5 * gain / ratio)
    }
}
