import Foundation
public import TensorCore

/// One run of a sampler: which moments of noise it visits and how it moves the latents from one
/// to the next. A value is made for a number of steps and used once, from the first step on.
public protocol Scheduler: Sendable {
    /// Where the network is asked, in order. A value may repeat (PNDM) and be fractional (Euler).
    var timesteps: [Float] { get }
    /// What normal noise is multiplied by to give the first latents.
    var initialNoiseScale: Float { get }
    /// What the network answers with.
    var prediction: PredictionType { get }
    /// How much signal and noise what the network is shown has at a step.
    func level(at step: Int) -> NoiseLevel
    /// What the network is shown of the latents at a step.
    func modelInput(_ latents: Tensor, at step: Int) -> Tensor
    /// The latents after a step.
    ///
    /// - Parameters:
    ///   - output: what the network made of `modelInput`, guided
    ///   - noise: draws normal numbers of the shape of the latents; called once or never
    mutating func advance(
        _ latents: Tensor, at step: Int, output: Tensor, noise: () -> Tensor
    ) -> Tensor
    /// Clean latents as they are at a step with that noise: where a run begins that starts from a
    /// picture.
    func noised(_ clean: Tensor, with noise: Tensor, at step: Int) -> Tensor
}

extension Scheduler {
    /// One, for samplers that keep the variance of the latents.
    public var initialNoiseScale: Float { 1 }
    /// The latents themselves.
    public func modelInput(_ latents: Tensor, at step: Int) -> Tensor { latents }

    /// Signal and noise of the step's level.
    public func noised(_ clean: Tensor, with noise: Tensor, at step: Int) -> Tensor {
        let level = level(at: step)
        return clean * level.signal + noise * level.deviation
    }

    /// The clean latents that the network's answer at a step implies: what a preview shows.
    public func clean(_ latents: Tensor, at step: Int, output: Tensor) -> Tensor {
        prediction.resolve(output, modelInput(latents, at: step), level(at: step)).clean
    }
}

/// The parts of signal and noise in latents, `latents = signal · clean + deviation · noise`, of
/// variance one together.
public struct NoiseLevel: Sendable {
    /// √ᾱ
    public let signal: Float
    /// √(1 − ᾱ)
    public let deviation: Float

    /// The level of a share of the signal's variance.
    init(alpha: Float) {
        (signal, deviation) = (alpha.squareRoot(), (1 - alpha).squareRoot())
    }

    /// The level where noise of that deviation stands beside a signal of one.
    init(sigma: Float) {
        signal = 1 / (sigma * sigma + 1).squareRoot()
        deviation = sigma * signal
    }

    /// ln(signal / deviation), infinite where there is no noise.
    var logSNR: Float { log(signal) - log(deviation) }
}

/// The samplers on offer; raw values are the class names in `scheduler_config.json`.
public enum SchedulerKind: String, Codable, Sendable, CaseIterable {
    case ddim = "DDIMScheduler"
    case pndm = "PNDMScheduler"
    case dpmSolver = "DPMSolverMultistepScheduler"
    case euler = "EulerDiscreteScheduler"
    case eulerAncestral = "EulerAncestralDiscreteScheduler"
    case uniPC = "UniPCMultistepScheduler"
    case lcm = "LCMScheduler"
}

/// What the network was trained to answer.
public enum PredictionType: String, Codable, Sendable {
    /// The noise.
    case epsilon
    /// The velocity, `√ᾱ · noise − √(1 − ᾱ) · clean`.
    case velocity = "v_prediction"
    /// The clean sample.
    case sample
}

/// How a sampler spreads its steps over the training timesteps.
public enum TimestepSpacing: String, Codable, Sendable {
    case leading, linspace, trailing
}

/// How the variance of the noise grows over the training timesteps.
public enum BetaSchedule: String, Codable, Sendable {
    case linear
    case scaledLinear = "scaled_linear"
    case cosine = "squaredcos_cap_v2"
}

extension SchedulerConfig {
    /// A run of `steps` steps.
    ///
    /// - Parameter eta: how much fresh noise DDIM adds, 0 none, 1 as much as DDPM; others ignore it
    /// - Throws: `SchedulerError` where the config asks for what is not offered, or the steps are
    ///   more than the network was trained on
    public func scheduler(steps: Int, eta: Float = 0) throws -> any Scheduler {
        guard (1...trainTimesteps).contains(steps) else {
            throw SchedulerError.steps(found: steps, most: trainTimesteps)
        }
        let scheduler: any Scheduler =
            switch kind {
            case .ddim: try DDIM(self, steps: steps, eta: eta)
            case .pndm: try PNDM(self, steps: steps)
            case .dpmSolver: try DPMSolver(self, steps: steps)
            case .euler: try Euler(self, steps: steps, ancestral: false)
            case .eulerAncestral: try Euler(self, steps: steps, ancestral: true)
            case .uniPC: try UniPC(self, steps: steps)
            case .lcm: try LCM(self, steps: steps)
            }
        // With every step and an offset, the list would begin behind the end of the tables.
        guard scheduler.timesteps.allSatisfy({ (0...Float(trainTimesteps - 1)).contains($0) })
        else { throw SchedulerError.steps(found: steps, most: trainTimesteps - 1) }
        return scheduler
    }
}

/// Why a sampler could not be made.
public enum SchedulerError: Error, Equatable {
    /// The number of steps is not positive or above what the network was trained on.
    case steps(found: Int, most: Int)
    /// The config asks for a variant that is not offered.
    case unsupported(kind: SchedulerKind, what: String, mend: String)
}

extension SchedulerError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .steps(let found, let most):
            "\(found) denoising steps, expected 1 to \(most). Ask for another number of steps."
        case .unsupported(let kind, let what, let mend):
            "scheduler_config.json: \(kind.rawValue) with \(what) is not supported. \(mend)"
        }
    }
}
