import Testing
import Training

@Suite struct WarmupDecayLRTests {
    /// Values of DeepSpeed 0.9.3's `WarmupDecayLR`, `warmup_type` "log".
    @Test(arguments: [
        (1, 5.017167e-5), (10, 1.735654e-4), (100, 3.340536e-4), (500, 4.499730e-4),
        (1000, 5e-4), (5500, 2.5e-4), (10000, 0), (12000, 0),
    ])
    func matchesTheReference(_ step: Int, _ rate: Double) {
        let schedule = WarmupDecayLR(maximum: 5e-4, warmupSteps: 1000, totalSteps: 10000)
        #expect(abs(schedule(step) - rate) <= 1e-6 * max(rate, 1e-4))
    }

    @Test func startsAtItsMinimum() {
        let schedule = WarmupDecayLR(
            minimum: 1e-5, maximum: 5e-4, warmupSteps: 10, totalSteps: 100)
        #expect(schedule(0) == 1e-5)
    }
}
