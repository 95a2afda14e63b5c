import Diffusion
import Foundation
import TensorCore
import TestSupport
import Testing

/// Runs as long as users make them, and those that begin at a picture.
@Suite struct SchedulerRunTests {
    private struct Case: Decodable {
        let scheduler: SchedulerConfig
        let steps: Int
        let begin: Int
    }

    @Test func longRunsAndLateBeginsMatchTheOriginal() throws {
        let fixture = try Fixture("scheduler_runs")  // by scheduler_runs.py
        let cases = try fixture.config([String: Case].self)
        #expect(cases.count == 44)
        for (name, value) in cases.sorted(by: { $0.key < $1.key }) {
            var generator = TorchGenerator(seed: 3)
            let start = recipeInput("x", [1, 2, 3, 4])
            let isLate = value.begin > 0
            var visited: [Tensor] = []
            _ = try denoise(
                isLate ? recipeInput("noise", [1, 2, 3, 4]) : start,
                from: isLate ? DenoisingStart(start, skipped: value.begin) : nil,
                with: value.scheduler.scheduler(steps: value.steps),
                drawing: { Tensor(generator.normal(24), [1, 2, 3, 4]) },
                predict: { shown, timestep in shown * 0.6 + 0.05 * sin(0.01 * timestep) }
            ) { visited.append($0.latents) }
            let found = Tensor.stack([visited[visited.count / 2], visited[visited.count - 1]])
            let error = relativeError(
                found, fixture[name], of: "scheduler run, \(name)", original: fixture.source)
            #expect(error <= 1e-5, "\(name)")
        }
    }

    @Test(arguments: [("pndm-prk", SchedulerKind.pndm), ("dpm-karras", .dpmSolver)])
    func theirTimestepsAreTheOriginals(name: String, kind: SchedulerKind) throws {
        let fixture = try Fixture("scheduler_runs")
        var config = stable(kind, karras: kind == .dpmSolver)
        config.skipPrkSteps = false
        let found = Tensor(try config.scheduler(steps: 25).timesteps)
        #expect(found.isClose(to: fixture["\(name).timesteps"], absolute: 0))
    }

    /// At every step the clean latents that a preview shows are those that the noise was added to,
    /// when the network answers with that very noise.
    @Test(arguments: SchedulerKind.allCases)
    func previewsShowWhatTheNetworkSees(kind: SchedulerKind) throws {
        let scheduler = try stable(kind).scheduler(steps: 10)
        let (clean, noise) = (recipeInput("x", [1, 2, 3, 4]), recipeInput("noise", [1, 2, 3, 4]))
        for step in scheduler.timesteps.indices {
            let latents = scheduler.noised(clean, with: noise, at: step)
            let found = scheduler.clean(latents, at: step, output: noise)
            #expect(found.isClose(to: clean, absolute: 2e-4), "\(kind), step \(step)")
        }
    }
}
