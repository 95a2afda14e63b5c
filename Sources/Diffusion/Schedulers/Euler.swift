public import TensorCore

/// Euler's method on the probability flow, and its ancestral form that adds noise at every step.
///
/// Paper: Karras et al. 2022, arXiv:2206.00364. Reference: diffusers, `EulerDiscreteScheduler`
/// and `EulerAncestralDiscreteScheduler`. Latents have a signal of one, so that they are scaled
/// before the network sees them.
public struct Euler: Scheduler {
    public var timesteps: [Float] { schedule.timesteps }
    public let initialNoiseScale: Float
    let schedule: SigmaSchedule
    public let prediction: PredictionType
    let ancestral: Bool

    init(_ config: SchedulerConfig, steps: Int, ancestral: Bool) throws {
        if let type = config.interpolationType, type != "linear" {
            throw config.unsupported("interpolation_type \(type)", "Use linear.")
        }
        schedule = SigmaSchedule(
            config, try NoiseSchedule(config), timesteps: config.timesteps(steps, rounded: false),
            wholeTable: false)
        let largest = schedule.sigmas.max() ?? 0
        initialNoiseScale =
            config.spacing == .leading ? (largest * largest + 1).squareRoot() : largest
        prediction = config.prediction
        self.ancestral = ancestral
    }

    public func level(at step: Int) -> NoiseLevel { NoiseLevel(sigma: schedule.sigmas[step]) }

    public func modelInput(_ latents: Tensor, at step: Int) -> Tensor {
        let sigma = schedule.sigmas[step]
        return latents / (sigma * sigma + 1).squareRoot()
    }

    public func noised(_ clean: Tensor, with noise: Tensor, at step: Int) -> Tensor {
        clean + noise * schedule.sigmas[step]
    }

    public mutating func advance(
        _ latents: Tensor, at step: Int, output: Tensor, noise: () -> Tensor
    ) -> Tensor {
        let (sigma, next) = (schedule.sigmas[step], schedule.sigmas[step + 1])
        let slope = slope(latents, output, sigma)
        guard ancestral else { return latents + slope * (next - sigma) }
        let up = (next * next * (sigma * sigma - next * next) / (sigma * sigma)).squareRoot()
        let down = (next * next - up * up).squareRoot()
        // Drawn at the last step too, where it counts nothing: the stream of numbers goes on.
        return latents + slope * (down - sigma) + noise() * up
    }

    /// The change of the latents by σ: `(latents − clean) / σ`.
    private func slope(_ latents: Tensor, _ output: Tensor, _ sigma: Float) -> Tensor {
        switch prediction {
        case .epsilon: return output
        case .sample: return (latents - output) / sigma
        case .velocity:
            let square = sigma * sigma + 1
            let clean = latents / square - output * (sigma / square.squareRoot())
            return (latents - clean) / sigma
        }
    }
}
