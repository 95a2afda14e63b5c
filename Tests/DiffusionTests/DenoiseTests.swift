import Diffusion
import TensorCore
import TestSupport
import Testing

@Suite struct DenoiseTests {
    private func answer(_ latents: Tensor, _ timestep: Float) -> Tensor { latents * 0.5 + timestep }

    @Test func reportsEveryEvaluation() throws {
        var seen: [Int] = []
        let latents = try denoise(
            recipeInput("noise", [1, 2, 3]), with: stable(.pndm).scheduler(steps: 4),
            drawing: { Tensor.zeros([1, 2, 3]) }, predict: answer
        ) { step in
            #expect(step.count == 5)
            #expect(step.latents.shape == [1, 2, 3])
            seen.append(step.index)
        }
        #expect(seen == [1, 2, 3, 4, 5])
        #expect(latents.shape == [1, 2, 3])
    }

    @Test func stopsWhereTheCallerThrows() throws {
        struct Enough: Error {}
        var evaluations = 0
        #expect(throws: Enough.self) {
            try denoise(
                recipeInput("noise", [4]), with: stable(.ddim).scheduler(steps: 10),
                drawing: { Tensor.zeros([4]) },
                predict: { latents, timestep in
                    evaluations += 1
                    return answer(latents, timestep)
                }
            ) { if $0.index == 3 { throw Enough() } }
        }
        #expect(evaluations == 3)
    }

    @Test func noSamplerHoldsMoreForMoreSteps() async {
        await #expect(processExitsWith: .success) {
            let (suite, noise) = (DenoiseTests(), recipeInput("noise", [1, 4, 64, 64]))
            for kind in SchedulerKind.allCases {
                func peak(steps: Int) throws -> Int {
                    TensorMemory.resetPeak()
                    let before = TensorMemory.current
                    _ = try denoise(
                        noise, with: stable(kind).scheduler(steps: steps),
                        drawing: { Tensor.zeros(noise.shape) }, predict: suite.answer)
                    precondition(TensorMemory.current == before, "\(kind)")
                    return TensorMemory.peak - before
                }
                // Six evaluations and more: as far back as any of them looks.
                let (short, long) = (try peak(steps: 6), try peak(steps: 40))
                precondition(short == long && short > 0, "\(kind): \(short), \(long)")
            }
        }
    }

    @Test func stopsWithinOneStepOfCancellation() async throws {
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try denoise(
                recipeInput("noise", [4]), with: stable(.ddim).scheduler(steps: 10),
                drawing: { Tensor.zeros([4]) }, predict: answer)
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}

@Suite struct GuidanceTests {
    private let yes = recipeInput("yes", [1, 3])
    private let no = recipeInput("no", [1, 3])
    private let latents = recipeInput("latents", [1, 3])

    @Test(arguments: [true, false])
    func pushesAwayFromTheUnconditionalAnswer(batched: Bool) {
        let guidance = Guidance(scale: 3, towards: yes, awayFrom: { no }, batched: batched)
        let found = guidance(latents) { $0 * 2 + $1 }
        let expected = latents * 2 + no + (yes - no) * 3
        #expect(found.isClose(to: expected, absolute: 1e-5))
    }

    @Test func putsTheUnconditionalBranchFirst() {
        let guidance = Guidance(scale: 3, towards: yes, awayFrom: { no }, batched: true)
        _ = guidance(latents) { both, conditions in
            #expect(both.shape == [2, 3])
            #expect(conditions[0..<1].isClose(to: no, absolute: 0))
            return both
        }
    }

    @Test func doesNotAskForWhatItDoesNotNeed() {
        struct Asked: Error {}
        #expect(throws: Asked.self) {
            try Guidance(scale: 1.1, towards: yes, awayFrom: { throw Asked() }, batched: true)
        }
        let alone = try? Guidance(
            scale: 1, towards: yes, awayFrom: { throw Asked() }, batched: true)
        #expect(alone?(latents) { $0 + $1 }.isClose(to: latents + yes, absolute: 0) == true)
    }
}
