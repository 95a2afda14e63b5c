import Foundation
public import TensorCore

/// UniPC of second order: each step corrects the one before with the new answer, then predicts.
///
/// Paper: Zhao et al. 2023, arXiv:2302.04867. Reference: diffusers, `UniPCMultistepScheduler`
/// predicting the clean sample.
public struct UniPC: Scheduler {
    public var timesteps: [Float] { schedule.timesteps }
    let schedule: SigmaSchedule
    public let prediction: PredictionType
    let order: Int
    let lowersOrderAtEnd: Bool
    /// B(h) is h itself rather than eʰ − 1.
    let linear: Bool
    /// Clean samples of the last two steps, newest last.
    var history: [Tensor] = []
    /// Where the last prediction began.
    var base: Tensor?
    var lastOrder = 0

    init(_ config: SchedulerConfig, steps: Int) throws {
        guard config.predictX0 ?? true else {
            throw config.unsupported("predict_x0 false", "Set it to true.")
        }
        order = config.solverOrder ?? 2
        guard (1...2).contains(order) else {
            throw config.unsupported("solver_order \(order)", "Use 1 or 2.")
        }
        let type = config.solverType ?? "bh2"
        linear = type == "bh1"
        schedule = SigmaSchedule(
            config, try NoiseSchedule(config), timesteps: try config.solverTimesteps(steps),
            wholeTable: true)
        prediction = config.prediction
        lowersOrderAtEnd = config.lowerOrderFinal ?? true
    }

    public func level(at step: Int) -> NoiseLevel { NoiseLevel(sigma: schedule.sigmas[step]) }

    public mutating func advance(
        _ latents: Tensor, at step: Int, output: Tensor, noise: () -> Tensor
    ) -> Tensor {
        let clean = prediction.resolve(output, latents, level(at: step)).clean
        let corrected = step > 0 ? corrected(latents, clean, at: step) : latents
        history = history.suffix(1) + [clean]
        base = corrected
        lastOrder = min(order, history.count)
        if lowersOrderAtEnd { lastOrder = min(lastOrder, timesteps.count - step) }
        // Towards no noise at all the step is infinitely long: only the first order has a limit.
        if schedule.sigmas[step + 1] == 0 { lastOrder = 1 }
        return predicted(corrected, at: step)
    }

    /// The latents at `step + 1` from the clean samples so far.
    private func predicted(_ latents: Tensor, at step: Int) -> Tensor {
        let span = Span(schedule.sigmas[step], schedule.sigmas[step + 1])
        let clean = history[history.count - 1]
        let first = span.first(latents, clean)
        guard lastOrder > 1 else { return first }
        let ratio = span.ratio(before: schedule.sigmas[step - 1])
        let difference = (history[history.count - 2] - clean) / ratio
        return first - difference * (0.5 * span.to.signal * factor(span))
    }

    /// The latents at `step`, predicted before, in the light of the clean sample found there.
    private func corrected(_ latents: Tensor, _ found: Tensor, at step: Int) -> Tensor {
        guard let base, let clean = history.last else { return latents }
        let span = Span(schedule.sigmas[step - 1], schedule.sigmas[step])
        let (first, b) = (span.first(base, clean), factor(span))
        let change = found - clean
        guard lastOrder > 1 else { return first - change * (0.5 * span.to.signal * b) }
        // Two equations of order: ρ₁ + ρ₂ = b₁, r ρ₁ + ρ₂ = b₂.
        let ratio = span.ratio(before: schedule.sigmas[step - 2])
        let g1 = span.growth / -span.h - 1
        let g2 = g1 / -span.h - 0.5
        let (b1, b2) = (g1 / b, 2 * g2 / b)
        let rho1 = (b1 - b2) / (1 - ratio)
        let difference = (history[history.count - 2] - clean) / ratio
        let sum = difference * rho1 + change * (b1 - rho1)
        return first - sum * (span.to.signal * b)
    }

    private func factor(_ span: Span) -> Float { linear ? -span.h : span.growth }
}

/// The way from one σ to the next, in the logarithm of signal over noise.
private struct Span {
    let from, to: NoiseLevel
    let h: Float
    /// e⁻ʰ − 1
    let growth: Float

    init(_ sigma: Float, _ next: Float) {
        from = NoiseLevel(sigma: sigma)
        to = NoiseLevel(sigma: next)
        h = to.logSNR - from.logSNR
        growth = expm1(-h)
    }

    /// The step that takes the clean sample to be constant.
    func first(_ latents: Tensor, _ clean: Tensor) -> Tensor {
        latents * (to.deviation / from.deviation) - clean * (to.signal * growth)
    }

    /// How far back an earlier σ lies, in lengths of this span; negative.
    func ratio(before sigma: Float) -> Float {
        (NoiseLevel(sigma: sigma).logSNR - from.logSNR) / h
    }
}
