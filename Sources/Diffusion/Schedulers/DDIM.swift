public import TensorCore

/// Denoising diffusion implicit models: from one timestep straight to another.
///
/// Paper: Song et al. 2020, arXiv:2010.02502. Reference: diffusers, `DDIMScheduler`.
public struct DDIM: Scheduler {
    public let timesteps: [Float]
    let schedule: NoiseSchedule
    public let prediction: PredictionType
    let clip: Float?
    let stride: Int
    let eta: Float

    init(_ config: SchedulerConfig, steps: Int, eta: Float) throws {
        schedule = try NoiseSchedule(config)
        timesteps = config.timesteps(steps).map { Float($0) }
        stride = config.stride(steps)
        prediction = config.prediction
        clip = config.clip
        self.eta = eta
    }

    public func level(at step: Int) -> NoiseLevel { schedule.level(at: Int(timesteps[step])) }

    public mutating func advance(
        _ latents: Tensor, at step: Int, output: Tensor, noise: () -> Tensor
    ) -> Tensor {
        let timestep = Int(timesteps[step])
        // Counted from this timestep, not read from the list.
        let (alpha, next) = (schedule.alpha(at: timestep), schedule.alpha(at: timestep - stride))
        var (clean, direction) = prediction.resolve(output, latents, NoiseLevel(alpha: alpha))
        if let clip { clean = clean.clamped(to: -clip...clip) }
        let variance = (1 - next) / (1 - alpha) * (1 - alpha / next)
        let deviation = eta * variance.squareRoot()
        direction = direction * (1 - next - deviation * deviation).squareRoot()
        let result = clean * next.squareRoot() + direction
        return eta > 0 ? result + noise() * deviation : result
    }
}
