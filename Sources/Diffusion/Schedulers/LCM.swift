import Foundation
public import TensorCore

/// Sampling of latent consistency models: to the clean sample at once, then noise again, in one
/// to eight steps.
///
/// Paper: Luo et al. 2023, arXiv:2310.04378. Reference: diffusers, `LCMScheduler`.
public struct LCM: Scheduler {
    public let timesteps: [Float]
    let schedule: NoiseSchedule
    public let prediction: PredictionType
    let clip: Float?
    let scaling: Float

    init(_ config: SchedulerConfig, steps: Int) throws {
        schedule = try NoiseSchedule(config)
        let original = config.originalInferenceSteps ?? 50
        guard (1...config.trainTimesteps).contains(original) else {
            throw config.unsupported(
                "original_inference_steps \(original)", "Use 1 to \(config.trainTimesteps).")
        }
        guard steps <= original else { throw SchedulerError.steps(found: steps, most: original) }
        let stride = config.trainTimesteps / original
        timesteps = (0..<steps).map { k in
            let index = Int(Double(k) * (Double(original) / Double(steps)))
            return Float((original - index) * stride - 1)
        }
        prediction = config.prediction
        clip = config.clip
        scaling = config.timestepScaling ?? 10
    }

    public func level(at step: Int) -> NoiseLevel { schedule.level(at: Int(timesteps[step])) }

    public mutating func advance(
        _ latents: Tensor, at step: Int, output: Tensor, noise: () -> Tensor
    ) -> Tensor {
        var clean = prediction.resolve(output, latents, level(at: step)).clean
        if let clip { clean = clean.clamped(to: -clip...clip) }
        // The boundary condition of a consistency model: at time zero it returns its input.
        let time = timesteps[step] * scaling
        let skip = 0.25 / (time * time + 0.25)
        let denoised = clean * (time / (time * time + 0.25).squareRoot()) + latents * skip
        guard step + 1 < timesteps.count else { return denoised }
        let next = schedule.alpha(at: Int(timesteps[step + 1]))
        return denoised * next.squareRoot() + noise() * (1 - next).squareRoot()
    }
}
