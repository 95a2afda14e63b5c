import TensorCore
import Testing

@Suite struct CounterGeneratorTests {
    @Test func mixesAsPhiloxDoes() {
        let words = CounterGenerator(seed: 0).words(at: SIMD4(0, 0, 0, 0))
        #expect(words == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
    }

    @Test func drawsWhatACUDADeviceDraws() {
        let expected: [(UInt64, [Float])] = [
            (0, [-0.9247, -0.4253, -2.6438, 0.1452, -0.1209, -0.5797]),
            (42, [0.1940, 2.1614, -0.1721, 0.8491]),
        ]
        for (seed, values) in expected {
            var generator = CounterGenerator(seed: seed)
            for (found, value) in zip(generator.normal(values.count), values) {
                #expect(abs(found - value) < 1e-4)
            }
        }
    }

    @Test func seeksToAnyDraw() {
        var (whole, later) = (CounterGenerator(seed: 9), CounterGenerator(seed: 9, call: 2))
        _ = whole.normal(5)
        _ = whole.normal(7)
        #expect(whole.normal(20) == later.normal(20))
    }
}
