public import TensorCore

/// How far a run of denoising has come.
public struct DenoisingStep: Sendable {
    /// Evaluations of the network done, from 1 to `count`.
    public let index: Int
    /// Evaluations of the whole run.
    public let count: Int
    /// The latents as they are now.
    public let latents: Tensor
    /// What the network takes the finished latents to be: the noise of `latents` is gone from it,
    /// so that a preview shows a picture from the first step on.
    public let clean: Tensor
}

/// Latents that a run begins from, rather than from noise alone.
public struct DenoisingStart: Sendable {
    /// The latents of the medium that is to be changed.
    let clean: Tensor
    /// How many of the first timesteps are left out.
    let skipped: Int
    /// One where the run may change the latents, zero where they come from `clean` again after
    /// every step; nil where it may change all. Of a shape that broadcasts to theirs.
    let mask: Tensor?
    /// The noise alone is where the run begins, though a mask keeps parts of `clean`.
    let beginsFromNoise: Bool

    package init(
        _ clean: Tensor, skipped: Int, mask: Tensor? = nil, beginsFromNoise: Bool = false
    ) {
        (self.clean, self.skipped, self.mask) = (clean, skipped, mask)
        self.beginsFromNoise = beginsFromNoise
    }
}

/// The one loop from noise to latents, for images, sounds and clips alike.
///
/// - Parameters:
///   - noise: normal numbers of the shape of the latents
///   - start: latents to change, if the run does not make new ones
///   - scheduler: a fresh run
///   - drawing: more normal numbers of that shape, for samplers that add noise on the way
///   - predict: the guided network
///   - onStep: told after every evaluation; what it throws ends the run
/// - Throws: what `predict` and `onStep` throw, and `CancellationError` within one evaluation of
///   the task's cancellation
public func denoise(
    _ noise: Tensor, from start: DenoisingStart? = nil, with scheduler: any Scheduler,
    drawing: () -> Tensor,
    predict: (_ latents: Tensor, _ timestep: Float) throws -> Tensor,
    onStep: (DenoisingStep) throws -> Void = { _ in }
) throws -> Tensor {
    var scheduler = scheduler
    let (timesteps, first) = (scheduler.timesteps, start?.skipped ?? 0)
    var latents = noise * scheduler.initialNoiseScale
    if let start, !start.beginsFromNoise {
        latents = scheduler.noised(start.clean, with: noise, at: first)
    }
    for step in first..<timesteps.count {
        try Task.checkCancellation()
        let output = try predict(scheduler.modelInput(latents, at: step), timesteps[step])
        let clean = scheduler.clean(latents, at: step, output: output)
        latents = scheduler.advance(latents, at: step, output: output, noise: drawing)
        if let start, let mask = start.mask {
            let kept =
                step + 1 < timesteps.count
                ? scheduler.noised(start.clean, with: noise, at: step + 1) : start.clean
            latents = kept * (1 - mask) + latents * mask
        }
        try onStep(
            DenoisingStep(
                index: step + 1 - first, count: timesteps.count - first, latents: latents,
                clean: clean))
    }
    return latents
}
