import Testing
import Training

@Suite struct LearningRateTests {
    /// Values of DeepSpeed 0.9.3's `WarmupDecayLR`, `warmup_type` "log".
    @Test(arguments: [
        (1, 5.017167e-5), (10, 1.735654e-4), (100, 3.340536e-4), (500, 4.499730e-4),
        (1000, 5e-4), (5500, 2.5e-4), (10000, 0), (12000, 0),
    ])
    func matchesTheReference(_ step: Int, _ rate: Double) {
        let schedule = LearningRate(maximum: 5e-4, warmupSteps: 1000, totalSteps: 10000)
        #expect(abs(schedule(step) - rate) <= 1e-6 * max(rate, 1e-4))
    }

    /// DeepSpeed's is `min + (max - min) · gamma` on both sides of the warm-up's end.
    @Test(arguments: [(1000, 5e-4), (5500, 2.55e-4), (9100, 5.9e-5), (10000, 1e-5), (12000, 1e-5)])
    func fallsToItsMinimum(_ step: Int, _ rate: Double) {
        let schedule = LearningRate(
            minimum: 1e-5, maximum: 5e-4, warmupSteps: 1000, totalSteps: 10000)
        #expect(abs(schedule(step) - rate) <= 1e-12)
    }

    @Test(arguments: LearningRate.Decay.allCases)
    func startsAtItsMinimum(_ decay: LearningRate.Decay) {
        let schedule = LearningRate(
            decay, minimum: 1e-5, maximum: 5e-4, warmupSteps: 10, totalSteps: 100)
        #expect(schedule(0) == 1e-5)
        #expect(schedule(10) == 5e-4)
    }

    @Test(arguments: [
        (0, 0), (5, 5e-4), (10, 1e-3), (60, 5.5e-4), (35, 1e-4 + 9e-4 * 0.8535533905932737),
        (110, 1e-4), (200, 1e-4),
    ])
    func fallsAlongACosine(_ step: Int, _ rate: Double) {
        let schedule = LearningRate(
            .cosine, warmup: .linear, maximum: 1e-3, final: 1e-4, warmupSteps: 10,
            totalSteps: 110)
        #expect(abs(schedule(step) - rate) <= 1e-12)
    }

    @Test func staysWhereItIsConstant() {
        let schedule = LearningRate(
            .constant, warmup: .linear, maximum: 2e-4, warmupSteps: 4, totalSteps: 100)
        #expect(
            [0, 1, 2, 4, 50, 100, 1000].map { schedule($0) } == [0, 5e-5, 1e-4]
                + Array(repeating: 2e-4, count: 4))
    }
}
