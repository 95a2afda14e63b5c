public import TensorCore

/// Pseudo numerical methods: sums of the last answers, Stable Diffusion's own sampler.
///
/// The multistep sums need a beginning. Published Stable Diffusion skips the Runge–Kutta one
/// (`skip_prk_steps`): the second timestep comes twice, and its first answer is corrected by the
/// mean with the second, so that n steps ask the network n + 1 times. With it the first three steps
/// ask four times each, n + 9 in all.
///
/// Paper: Liu et al. 2022, arXiv:2202.09778. Reference: diffusers, `PNDMScheduler`.
public struct PNDM: Scheduler {
    public let timesteps: [Float]
    public let prediction: PredictionType
    let schedule: NoiseSchedule
    let stride: Int
    /// How many of the timesteps are the beginning's.
    let startCount: Int
    /// The last answers, newest last, four at most.
    var answers: [Tensor] = []
    /// What the step that is being corrected began from.
    var first: Tensor?
    /// The weighted answers of a Runge–Kutta step so far.
    var sum: Tensor?
    /// Answers so far. Counted, not taken from the list: a run may begin in the middle of it, and
    /// even then the original takes its second answer to be the first one's correction.
    var count = 0

    init(_ config: SchedulerConfig, steps: Int) throws {
        guard config.prediction != .sample else {
            throw config.unsupported("prediction_type sample", "Choose another scheduler.")
        }
        schedule = try NoiseSchedule(config)
        prediction = config.prediction
        stride = config.stride(steps)
        let visited = config.timesteps(steps).map { Float($0) }
        if config.skipPrkSteps ?? false {
            startCount = 0
            timesteps =
                visited.count < 2 ? visited : [visited[0], visited[1]] + visited.dropFirst()
        } else {
            guard steps >= 4 else {
                throw config.unsupported(
                    "skip_prk_steps false and \(steps) steps", "Ask for 4 steps or more.")
            }
            let half = Float(stride / 2)
            let start = (0..<3).flatMap { step -> [Float] in
                let (from, to) = (visited[step], visited[step + 1])
                return [from, to + half, to + half, to]
            }
            startCount = start.count
            timesteps = start + visited.dropFirst(3)
        }
    }

    public func level(at step: Int) -> NoiseLevel { schedule.level(at: Int(timesteps[step])) }

    public mutating func advance(
        _ latents: Tensor, at step: Int, output: Tensor, noise: () -> Tensor
    ) -> Tensor {
        defer { count += 1 }
        if count < startCount { return startAdvance(latents, at: step, output) }
        let timestep = Int(timesteps[step])
        if startCount == 0, count == 1, let start = first, let answer = answers.last {
            first = nil
            return moved(
                start, by: (output + answer) * 0.5, from: timestep + stride, to: timestep)
        }
        if count == 0 { first = latents }
        answers = answers.suffix(3) + [output]
        return moved(latents, by: combined(), from: timestep, to: timestep - stride)
    }

    /// One of the four answers of a Runge–Kutta step: at its beginning, twice at its middle, at its
    /// end; all move what the step began from.
    private mutating func startAdvance(
        _ latents: Tensor, at step: Int, _ output: Tensor
    ) -> Tensor {
        let part = count % 4
        if part == 0 {
            answers.append(output)
            first = latents
        }
        let weighted = output * ([1, 2, 2, 1][part] / 6)
        sum = sum.map { $0 + weighted } ?? weighted
        let answer = part == 3 ? sum ?? output : output
        if part == 3 { sum = nil }
        let end = Int(timesteps[step]) - (part % 2 == 0 ? stride / 2 : 0)
        return moved(
            first ?? latents, by: answer, from: Int(timesteps[count - part]), to: end)
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
