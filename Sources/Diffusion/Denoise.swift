public import TensorCore

/// How far a run of denoising has come.
public struct DenoisingStep: Sendable {
    /// Evaluations of the network done, from 1 to `count`.
    public let index: Int
    /// Evaluations of the whole run.
    public let count: Int
    /// The latents as they are now.
    public let latents: Tensor
}

/// The one loop from noise to latents, for images, sounds and clips alike.
///
/// - Parameters:
///   - noise: normal numbers of the shape of the latents
///   - scheduler: a fresh run
///   - drawing: more normal numbers of that shape, for samplers that add noise on the way
///   - predict: the guided network
///   - onStep: told after every evaluation; what it throws ends the run
/// - Throws: what `onStep` throws, and `CancellationError` within one evaluation of the task's
///   cancellation
public func denoise(
    _ noise: Tensor, with scheduler: any Scheduler, drawing: () -> Tensor,
    predict: (_ latents: Tensor, _ timestep: Float) -> Tensor,
    onStep: (DenoisingStep) throws -> Void = { _ in }
) throws -> Tensor {
    var scheduler = scheduler
    let timesteps = scheduler.timesteps
    var latents = noise * scheduler.initialNoiseScale
    for (step, timestep) in timesteps.enumerated() {
        try Task.checkCancellation()
        let output = predict(scheduler.modelInput(latents, at: step), timestep)
        latents = scheduler.advance(latents, at: step, output: output, noise: drawing)
        try onStep(DenoisingStep(index: step + 1, count: timesteps.count, latents: latents))
    }
    return latents
}
