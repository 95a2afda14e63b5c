import TensorCore
import TestSupport
import Testing

@Suite struct InitializerTests {
    @Test func drawsAsPyTorchDoes() throws {
        let fixture = try Fixture("generators")
        let deep = [12, 7, 3, 2]
        let cases: [(String, Shape, Initializer)] = [
            ("kaimingUniform", deep, .kaimingUniform),
            ("kaimingUniform.outputs", deep, .kaimingUniformBy(.outputs, gain: .relu)),
            ("kaimingNormal", deep, .kaimingNormal(gain: .leakyReLU(slope: 0.2))),
            ("kaimingNormal.outputs", deep, .kaimingNormal(.outputs, gain: .tanh)),
            ("xavierUniform", deep, .xavierUniform),
            ("xavierUniform.gain", deep, .xavierUniformBy(gain: .selu)),
            ("xavierNormal", deep, .xavierNormal(gain: .factor(2))),
            ("normal", [30, 5], .normal(0.02)), ("uniform", [30, 5], .uniform(-0.1, 0.4)),
            ("truncatedNormal", [40, 5], .truncatedNormal(deviation: 0.8)),
            ("truncatedNormal.tail", [40, 5], .truncatedNormal(within: 1...3)),
            ("orthogonal", [9, 5], .orthogonal(gain: 1.5)),
            ("orthogonal.wide", [6, 4, 3], .orthogonal()),
        ]
        for (name, shape, initializer) in cases {
            var generator = TorchGenerator(seed: 11)
            let found = initializer.draw(shape, from: &generator)
            let expected = fixture["initial.\(name)"]
            #expect(found.isClose(to: expected, absolute: 3e-7), "\(name)")
        }
    }

    @Test func fillsWithConstants() {
        var generator = TorchGenerator(seed: 0)
        let before = generator
        #expect(Initializer.zeros.draw([2], from: &generator).floats() == [0, 0])
        #expect(Initializer.ones.draw([2], from: &generator).floats() == [1, 1])
        #expect(Initializer.constant(3).draw([2], from: &generator).floats() == [3, 3])
        #expect(generator == before)
        #expect(Initializer.orthogonal().draw([0, 4], from: &generator).shape == [0, 4])
    }
}
