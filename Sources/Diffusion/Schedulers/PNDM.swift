public import TensorCore

/// Pseudo linear multistep sampling, without the Runge–Kutta start: Stable Diffusion's own.
///
/// Paper: Liu et al. 2022, arXiv:2202.09778. Reference: diffusers, `PNDMScheduler` with
/// `skip_prk_steps`. The second timestep comes twice: the first answer is corrected there by the
/// mean with the second, so that n steps ask the network n + 1 times.
public struct PNDM: Scheduler {
    public let timesteps: [Float]
    let schedule: NoiseSchedule
    let prediction: PredictionType
    let stride: Int
    /// The last answers, newest last, four at most.
    var answers: [Tensor] = []
    /// What the first step began from.
    var first: Tensor?

    init(_ config: SchedulerConfig, steps: Int) throws {
        guard config.skipPrkSteps ?? false else {
            throw config.unsupported("skip_prk_steps false", "Set it to true.")
        }
        guard config.prediction != .sample else {
            throw config.unsupported("prediction_type sample", "Choose another scheduler.")
        }
        schedule = try NoiseSchedule(config)
        let visited = config.timesteps(steps).map { Float($0) }
        timesteps = visited.count < 2 ? visited : [visited[0], visited[1]] + visited.dropFirst()
        stride = config.stride(steps)
        prediction = config.prediction
    }

    public mutating func advance(
        _ latents: Tensor, at step: Int, output: Tensor, noise: () -> Tensor
    ) -> Tensor {
        let timestep = Int(timesteps[step])
        if step == 1, let start = first, let answer = answers.last {
            first = nil
            return moved(
                start, by: (output + answer) * 0.5, from: timestep + stride, to: timestep)
        }
        if step == 0 { first = latents }
        answers = answers.suffix(3) + [output]
        return moved(latents, by: combined(), from: timestep, to: timestep - stride)
    }

    /// The Adams–Bashforth sum of as many answers as there are.
    private func combined() -> Tensor {
        let weights: [Float] =
            switch answers.count {
            case 1: [1]
            case 2: [-1 / 2, 3 / 2]
            case 3: [5 / 12, -16 / 12, 23 / 12]
            default: [-9 / 24, 37 / 24, -59 / 24, 55 / 24]
            }
        let terms = zip(answers, weights).map { $0 * $1 }
        return terms.dropFirst().reduce(terms[0], +)
    }

    private func moved(_ latents: Tensor, by answer: Tensor, from: Int, to: Int) -> Tensor {
        let (alpha, next) = (schedule.alpha(at: from), schedule.alpha(at: to))
        let noise =
            prediction == .epsilon
            ? answer
            : answer * alpha.squareRoot() + latents * (1 - alpha).squareRoot()
        let divisor =
            alpha * (1 - next).squareRoot() + (alpha * (1 - alpha) * next).squareRoot()
        return latents * (next / alpha).squareRoot() - noise * ((next - alpha) / divisor)
    }
}
