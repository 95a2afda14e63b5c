import Diffusion
import Foundation
import TensorCore
import TestSupport
import Testing

/// The network of the fixtures: 0.6 times what it is shown, plus 0.05 sin(0.01 t).
private func run(
    _ scheduler: any Scheduler, from start: Tensor, seed: UInt64
) -> [Tensor] {
    var (scheduler, generator) = (scheduler, TorchGenerator(seed: seed))
    var latents = start * scheduler.initialNoiseScale
    var visited = [latents]
    for (step, timestep) in scheduler.timesteps.enumerated() {
        let shown = scheduler.modelInput(latents, at: step)
        let answer = shown * 0.6 + 0.05 * sin(0.01 * timestep)
        latents = scheduler.advance(latents, at: step, output: answer) {
            Tensor(generator.normal(start.count), start.shape)
        }
        visited.append(latents)
    }
    return visited
}

private struct Case: Decodable {
    let scheduler: SchedulerConfig
    let steps: Int
    let eta: Float
}

@Suite struct SchedulerTests {
    @Test func everySamplerMatchesTheOriginalStepByStep() throws {
        let fixture = try Fixture("schedulers")  // by schedulers.py
        let cases = try fixture.config([String: Case].self)
        #expect(cases.count == 23)
        for (name, value) in cases.sorted(by: { $0.key < $1.key }) {
            let scheduler = try value.scheduler.scheduler(steps: value.steps, eta: value.eta)
            let times = Tensor(scheduler.timesteps)
            #expect(
                times.isClose(to: fixture["\(name).timesteps"], absolute: 1e-6, relative: 1e-6),
                "\(name)")
            let scale = fixture["\(name).scale"].item()
            #expect(abs(scheduler.initialNoiseScale - scale) <= 1e-6 * scale, "\(name)")
            let found = Tensor.stack(
                run(scheduler, from: recipeInput("x", [1, 2, 3, 4]), seed: 3))
            let error = relativeError(
                found, fixture["\(name).run"], of: "scheduler, \(name)", original: fixture.source)
            #expect(error <= 1e-5, "\(name)")
        }
    }

    @Test(arguments: [BetaSchedule.linear, .scaledLinear, .cosine])
    func tablesMatchTheOriginal(schedule: BetaSchedule) throws {
        let fixture = try Fixture("schedulers")
        var config = SchedulerConfig(.ddim)
        (config.betaStart, config.betaEnd) = (0.00085, 0.012)
        config.betaSchedule = schedule
        let found = Tensor(try NoiseSchedule(config).alphas)
        let table = fixture["alphas.\(schedule.rawValue)"]
        #expect(found.isClose(to: table, absolute: 1e-9, relative: 1e-6))
    }

    /// Table 10.1 of the specification.
    @Test func tablesHaveTheGoldenNumbers() throws {
        let alphas = try NoiseSchedule(stable(.pndm)).alphas
        for (t, value) in [
            (0, 0.999149978), (1, 0.998296022), (500, 0.276332498),
            (981, 0.005775497), (999, 0.004660096),
        ] as [(Int, Float)] {
            #expect(abs(alphas[t] - value) <= 1e-6 * value)
        }
        var sound = stable(.ddim)
        (sound.betaStart, sound.betaEnd) = (0.0015, 0.0195)
        let quiet = try NoiseSchedule(sound).alphas
        for (t, value) in [
            (0, 0.998499990), (1, 0.996994436), (500, 0.114921995),
            (981, 0.000201956), (999, 0.000142304),
        ] as [(Int, Float)] {
            #expect(abs(quiet[t] - value) <= 3e-6 * value)
        }
        #expect(abs(try NoiseSchedule(stable(.euler)).sigmas[999] - 14.614645) <= 1e-5)
    }

    /// Section 17.5 of the specification, from diffusers 0.20.2.
    @Test func runsHaveTheGoldenNumbers() throws {
        let rows: [(SchedulerConfig, Int, Float, [Float])] = [
            (stable(.pndm), 5, 0, [0.582741, -1.281283, 2.446765, 0.272071]),
            (stable(.pndm), 20, 0, [0.822272, -1.803933, 3.448477, 0.384571]),
            (stable(.pndm), 50, 0, [0.892991, -1.929629, 3.715612, 0.422554]),
            (stable(.ddim), 5, 0, [0.653515, -1.474353, 2.781384, 0.298871]),
            (stable(.ddim), 20, 0, [0.862952, -1.880585, 3.606487, 0.405695]),
            (stable(.ddim), 50, 0, [0.912052, -1.962900, 3.787003, 0.432893]),
            (stable(.ddim), 5, 1, [0.385460, -1.677803, 0.153846, 0.872843]),
            (stable(.dpmSolver), 5, 0, [0.983989, -1.997891, 3.965870, 0.487009]),
            (stable(.dpmSolver), 20, 0, [0.916531, -1.969650, 3.802713, 0.435501]),
            (stable(.dpmSolver, karras: true), 5, 0, [0.480125, -1.199951, 2.160203, 0.200113]),
            (stable(.dpmSolver, karras: true), 20, 0, [0.914581, -1.955601, 3.784764, 0.436217]),
            (stable(.dpmSolver, .leading), 5, 0, [0.634144, -1.376784, 2.645072, 0.298989]),
            (stable(.euler), 5, 0, [1.301337, -2.479876, 5.082550, 0.671135]),
            (stable(.euler), 20, 0, [0.979978, -2.063648, 4.023604, 0.472707]),
            (stable(.euler, .leading), 5, 0, [0.642263, -1.449015, 2.733541, 0.293717]),
            (stable(.euler, .trailing), 5, 0, [1.198274, -2.362690, 4.759239, 0.604780]),
            (stable(.eulerAncestral), 5, 0, [0.894324, -2.366446, 0.856446, 1.318718]),
            (stable(.eulerAncestral), 20, 0, [-0.171751, 0.481626, -0.291477, -0.405367]),
            (stable(.uniPC), 5, 0, [0.948224, -1.906856, 3.803304, 0.472378]),
            (stable(.uniPC), 20, 0, [0.914761, -1.965815, 3.795336, 0.434665]),
            (stable(.lcm), 4, 0, [0.383365, -1.832732, 0.274131, 1.048502]),
        ]
        for (config, steps, eta, golden) in rows {
            let scheduler = try config.scheduler(steps: steps, eta: eta)
            let start = Tensor([0.5, -1, 2, 0.25] as [Float])
            let found = run(scheduler, from: start, seed: 0)[scheduler.timesteps.count]
            #expect(
                found.isClose(to: Tensor(golden), absolute: 1e-5),
                "\(config.kind) \(steps): \(found)")
        }
    }

    @Test func timestepsHaveTheGoldenNumbers() throws {
        func timesteps(_ config: SchedulerConfig, _ steps: Int) throws -> [Float] {
            try config.scheduler(steps: steps).timesteps
        }
        #expect(try timesteps(stable(.pndm), 5) == [801, 601, 601, 401, 201, 1])
        #expect(try timesteps(stable(.pndm), 7) == [853, 711, 711, 569, 427, 285, 143, 1])
        #expect(try timesteps(stable(.ddim), 40).prefix(3) == [976, 951, 926])
        #expect(try timesteps(stable(.dpmSolver), 5) == [999, 799, 599, 400, 200])
        #expect(try timesteps(stable(.dpmSolver, karras: true), 5) == [999, 786, 427, 59, 0])
        #expect(try timesteps(stable(.dpmSolver, .leading), 5) == [831, 665, 499, 333, 167])
        #expect(try timesteps(stable(.euler), 5) == [999, 749.25, 499.5, 249.75, 0])
        #expect(try timesteps(stable(.lcm), 8) == [999, 879, 759, 639, 499, 379, 259, 139])
        #expect(
            try abs(stable(.euler, .leading).scheduler(steps: 5).initialNoiseScale - 5.230909)
                <= 1e-5)
    }

    /// Only what the file says carries over: the leading spacing of PNDM is a default of PNDM.
    @Test func swappingTheSamplerKeepsTheKeysOfTheFile() throws {
        let file =
            #"{"_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012,"#
            + #""beta_schedule": "scaled_linear", "steps_offset": 1, "skip_prk_steps": true,"#
            + #""set_alpha_to_one": false, "trained_betas": null, "clip_sample": false}"#
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        var config = try decoder.decode(SchedulerConfig.self, from: Data(file.utf8))
        #expect(config.kind == .pndm)
        #expect(try config.scheduler(steps: 5).timesteps[0] == 801)
        config.kind = .dpmSolver
        #expect(try config.scheduler(steps: 5).timesteps == [999, 799, 599, 400, 200])
    }

    @Test func refusesWhatItDoesNotOffer() throws {
        var prk = stable(.pndm)
        prk.skipPrkSteps = false
        let error = #expect(throws: SchedulerError.self) { try prk.scheduler(steps: 3) }
        #expect(
            "\(try #require(error))"
                == "scheduler_config.json: PNDMScheduler with skip_prk_steps false and 3 steps is "
                + "not supported. Ask for 4 steps or more.")
        #expect(throws: SchedulerError.steps(found: 0, most: 1000)) {
            try stable(.ddim).scheduler(steps: 0)
        }
        #expect(throws: SchedulerError.steps(found: 1000, most: 999)) {
            try stable(.ddim).scheduler(steps: 1000)
        }
        #expect(throws: SchedulerError.self) { try stable(.lcm).scheduler(steps: 51) }
    }

    @Test func karrasLevelsMeanNothingToTheAncestralSampler() throws {
        // As in diffusers, where a file of another sampler may have the key.
        #expect(
            try stable(.eulerAncestral, karras: true).scheduler(steps: 5).timesteps
                == stable(.eulerAncestral).scheduler(steps: 5).timesteps)
    }
}

/// Stable Diffusion's noise under another sampler.
func stable(
    _ kind: SchedulerKind, _ spacing: TimestepSpacing? = nil, karras: Bool? = nil
) -> SchedulerConfig {
    var config = SchedulerConfig(kind)
    (config.betaStart, config.betaEnd, config.betaSchedule) = (0.00085, 0.012, .scaledLinear)
    (config.stepsOffset, config.setAlphaToOne, config.clipSample) = (1, false, false)
    config.skipPrkSteps = true
    config.timestepSpacing = spacing
    config.useKarrasSigmas = karras
    return config
}
