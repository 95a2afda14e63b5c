import TensorCore
import TestSupport
import Testing

@Suite struct TorchGeneratorTests {
    @Test func startsAsTheTwisterDoes() {
        var generator = TorchGenerator(seed: 0)
        #expect(generator.next() == 2_357_136_044)
        generator = TorchGenerator(seed: 5489)
        #expect(generator.next() == 3_499_211_612)
        // Only the low half of a seed counts.
        generator = TorchGenerator(seed: 5489 + 1 << 32)
        #expect(generator.next() == 3_499_211_612)
    }

    @Test func drawsTheSameUniformNumbers() throws {
        var generator = TorchGenerator(seed: 7)
        let expected = try Fixture("random")["uniform.7"]
        #expect(generator.uniform(1300) == expected.floats())
    }

    @Test func drawsTheSameIntegers() throws {
        let fixture = try Fixture("random")
        for (name, seed, bound) in [
            ("small", 0, 10), ("28bits", 1, 1 << 28), ("below28bits", 1, 1 << 28 - 1),
            ("wide", 2, 1 << 40),
        ] as [(String, UInt64, Int)] {
            var generator = TorchGenerator(seed: seed)
            let expected = fixture["integers.\(name)"].integers()
            #expect(generator.integers(expected.count, below: bound) == expected, "\(name)")
        }
        var generator = TorchGenerator(seed: 3)
        #expect(generator.permutation(1000) == fixture["permutation"].integers())
    }

    @Test func drawsTheSameNormalNumbersInAnyMixOfSizes() throws {
        let fixture = try Fixture("random")
        var generator = TorchGenerator(seed: 0)
        for (index, count) in [3, 3, 16, 1, 5, 17, 100].enumerated() {
            let found = generator.normal([count])
            #expect(found.isClose(to: fixture["mixed.\(index)"], absolute: 3e-7), "\(count)")
        }
        generator = TorchGenerator(seed: 13)
        #expect(
            generator.normal([1, 8, 9, 16]).isClose(to: fixture["normal.13"], absolute: 3e-7))
    }

    @Test func drawsFromRanges() throws {
        let fixture = try Fixture("generators")
        var generator = TorchGenerator(seed: 1)
        let exact = fixture["uniform64"].withBytes { Array($0.bindMemory(to: Double.self)) }
        #expect(generator.uniform64(50) == exact)
        generator = TorchGenerator(seed: 2)
        #expect(generator.uniform(700, from: -0.3, to: 0.7) == fixture["uniform.range"].floats())
        generator = TorchGenerator(seed: 3)
        #expect(
            generator.integers(700, in: -7..<100) == fixture["integers.range"].integers())
        generator = TorchGenerator(seed: 4)
        #expect(
            generator.integers(20, in: -(1 << 40)..<(1 << 41))
                == fixture["integers.wide"].integers())
        generator = TorchGenerator(seed: 5)
        let shifted = generator.normal([99], mean: -1, deviation: 0.5)
        #expect(shifted.isClose(to: fixture["normal.shifted"], absolute: 3e-7))
        generator = TorchGenerator(seed: 5)
        let few = generator.normal([7], mean: 2, deviation: 3)
        #expect(few.isClose(to: fixture["normal.few"], absolute: 3e-7))
    }

    @Test func fallsAsPyTorchsCoinsDo() throws {
        let fixture = try Fixture("generators")
        var generator = TorchGenerator(seed: 6)
        #expect(
            generator.coins([300], probability: 0.3).integers() == fixture["coins"].integers())
        generator = TorchGenerator(seed: 7)
        let found = Tensor(generator.exponential(100, rate: 2))
        #expect(found.isClose(to: fixture["exponential"], absolute: 3e-7))
    }

    @Test func resumesWhatPyTorchSavedAndTheOtherWayAround() throws {
        let fixture = try Fixture("generators")
        let saved = fixture["state"].withBytes { Array($0) }
        var generator = TorchGenerator(seed: 0x1_2345_6789)
        _ = generator.normal(3)
        _ = generator.uniform(1000)
        #expect(generator.state == saved)
        var resumed = try TorchGenerator(state: saved)
        #expect(resumed == generator)
        #expect(resumed.normal([20]).isClose(to: fixture["state.next"], absolute: 3e-7))
        #expect(resumed.normal([2]).isClose(to: fixture["state.last"], absolute: 3e-7))
        // At a block's end, and before the first number.
        for count in [0, 624] {
            var whole = TorchGenerator(seed: 3)
            _ = whole.next(count)
            var part = try TorchGenerator(state: whole.state)
            #expect(part.uniform(50) == whole.uniform(50))
        }
    }

    @Test func refusesStatesThatNoGeneratorReaches() {
        #expect(throws: GeneratorStateError.wrongLength(found: 3)) {
            try TorchGenerator(state: [1, 2, 3])
        }
        var state = TorchGenerator(seed: 0).state
        state[8] = 200
        #expect(throws: GeneratorStateError.self) { try TorchGenerator(state: state) }
        #expect(
            GeneratorStateError.wrongLength(found: 3).description
                == "generator state: 3 bytes, expected 5056. "
                + "Was it saved by torch.get_rng_state() of the processor?")
    }

    @Test(
        arguments: [
            (0, [8], [1.5409961, -0.2934289, -2.1787894, 0.5684313], -1.60454, 11.5282),
            (0, [16], [-1.1258398, -1.1523602, -0.2505786, -0.4338788], -1.90911, 13.3915),
            (0, [20], [-1.1258398, -1.1523602, -0.2505786, -0.4338788], 6.94070, 24.1028),
            (
                42, [1, 4, 64, 64], [1.9269153, 1.4872841, 0.9007172, -2.1055210], 149.7648,
                16516.3999
            ),
            (
                13, [1, 8, 225, 16], [0.4371586, 0.3700612, 1.581573, -0.1556397], 173.79747,
                28915.8794
            ),
            (
                1337, [1, 4, 24, 40, 72], [0.1807716, -0.0699881, -0.3596235, -0.9152045],
                212.63734,
                275419.2577
            ),
        ] as [(UInt64, Shape, [Float], Double, Double)])
    func drawsTheLatentsOfPublishedSeeds(
        seed: UInt64, shape: Shape, first: [Float], sum: Double, squares: Double
    ) {
        var generator = TorchGenerator(seed: seed)
        let values = generator.normal(shape.elementCount)
        for (found, expected) in zip(values, first) { #expect(abs(found - expected) < 3e-7) }
        #expect(abs(values.reduce(0) { $0 + Double($1) } - sum) < 1e-3)
        #expect(abs(values.reduce(0) { $0 + Double($1) * Double($1) } - squares) < 1e-2)
    }
}
