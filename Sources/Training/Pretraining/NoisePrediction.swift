public import Diffusion
public import TensorCore

/// What a denoising network learns: from a clean latent with so much noise, the noise, or the
/// velocity.
///
/// Papers: Ho et al. 2020, arXiv:2006.11239 (noise); Salimans and Ho 2022, arXiv:2202.00512
/// (velocity); Hang et al. 2023, arXiv:2303.09556 (weights by signal-to-noise ratio).
public struct NoisePrediction: Sendable {
    /// What the network's answer means.
    public let target: PredictionType
    /// Timesteps are weighted by `min(SNR, limit)`, seen as a loss of the clean latent; nil weights
    /// all alike.
    public let signalToNoiseLimit: Float?
    /// ᾱ by timestep.
    private let alphas: [Float]

    /// The loss that goes with a sampler's file: its schedule, and its kind of prediction.
    ///
    /// - Throws: `SchedulerError` for a schedule that cannot be
    public init(_ scheduler: SchedulerConfig, signalToNoiseLimit: Float? = nil) throws {
        target = scheduler.predictionType ?? .epsilon
        alphas = try NoiseSchedule(scheduler).alphas
        self.signalToNoiseLimit = signalToNoiseLimit
    }

    /// How many timesteps there are.
    public var timesteps: Int { alphas.count }

    /// Latents with the noise of their timesteps, and what the network should make of them.
    ///
    /// - Shapes: `latents`, `noise` and both results `[batch, …]`; a timestep for each of the batch
    public func examples(
        _ latents: Tensor, noise: Tensor, at timesteps: [Int]
    ) -> (noisy: Tensor, target: Tensor) {
        precondition(
            latents.shape == noise.shape && timesteps.count == latents.shape[0],
            "NoisePrediction: \(latents.shape), noise \(noise.shape), \(timesteps.count) timesteps")
        let shape = [timesteps.count] + latents.shape.dropFirst().map { _ in 1 }
        func column(_ value: (Float) -> Float) -> Tensor {
            Tensor(timesteps.map { value(alphas[$0]) }, shape, device: latents.device)
        }
        let signal = column { $0.squareRoot() }
        let deviation = column { (1 - $0).squareRoot() }
        let noisy = latents * signal + noise * deviation
        switch target {
        case .epsilon: return (noisy, noise)
        case .velocity: return (noisy, noise * signal - latents * deviation)
        case .sample: return (noisy, latents)
        }
    }

    /// The mean squared error of each answer, times the weight of its timestep: `[batch]`.
    public func losses(of answer: Tensor, target: Tensor, at timesteps: [Int]) -> Tensor {
        let errors = (answer - target).squared().mean(Array(1..<answer.rank))
        guard let limit = signalToNoiseLimit else { return errors }
        let weights = timesteps.map { weight(of: alphas[$0], limit) }
        return errors * Tensor(weights, [weights.count], device: answer.device)
    }

    private func weight(of alpha: Float, _ limit: Float) -> Float {
        let ratio = alpha / (1 - alpha)
        switch target {
        case .epsilon: return min(ratio, limit) / ratio
        case .velocity: return min(ratio, limit) / (ratio + 1)
        case .sample: return min(ratio, limit)
        }
    }
}
