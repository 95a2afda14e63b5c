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

    @Test func givesAnyPartOfADrawWithoutTheRest() {
        var (whole, part) = (CounterGenerator(seed: 9), CounterGenerator(seed: 9))
        let (all, uniform) = (whole.normal(50_000), whole.uniform(50_000))
        #expect(part.normal(1000, startingAt: 40_001) == Array(all[40_001..<41_001]))
        #expect(part.uniform(3, startingAt: 7) == Array(uniform[7..<10]))
        #expect(uniform.allSatisfy { (0..<1).contains($0) })
        let mean = uniform.reduce(0.0) { $0 + Double($1) } / 50_000
        #expect(abs(mean - 0.5) < 0.005)
        #expect(part.call == 2)
    }

    @Test func drawsTheWordsOfItsCounters() {
        var generator = CounterGenerator(seed: 77, call: 5)
        let found = generator.uniform(100)
        for place in 0..<100 {
            let words = CounterGenerator(seed: 77).words(at: SIMD4(5, 0, UInt32(place), 0))
            #expect(found[place] == Float(words[0] >> 8) * 0x1p-24)
        }
    }
}
