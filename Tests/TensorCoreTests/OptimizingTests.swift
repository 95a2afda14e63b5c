import TensorCore
import TestSupport
import Testing

@Suite struct OptimizingTests {
    @Test func stepsAsPyTorchDoes() throws {
        let fixture = try Fixture("optimizing")
        for device in [Device.reference, .cpu] {
            var weight = recipeInput("weight", [37]).on(device)
            let moments = AdamWMoments(of: weight)
            for number in 1...4 {
                let step = AdamWStep(
                    number: number, learningRate: 0.01, beta2: 0.95, weightDecay: 0.1,
                    gradientScale: 0.5)
                let before = (weight, weight.floats())
                // The scale takes back what was put on.
                let gradient = recipeInput("gradient \(number)", [37]).on(device) * 2
                weight = moments.step(weight, along: gradient, step)
                #expect(before.0.floats() == before.1, "the old value stays")
                let error = relativeError(
                    weight, fixture["weight.\(number)"], of: "AdamW, \(device)",
                    original: fixture.source)
                #expect(error <= 1e-6, "step \(number), \(device)")
            }
            for (name, moment) in [("first", moments.first), ("second", moments.second)] {
                let error = relativeError(
                    moment, fixture[name], of: "AdamW, \(device)", original: fixture.source)
                #expect(error <= 1e-6, "\(name), \(device)")
            }
        }
    }

    @Test func stepsAgreeAcrossVectorAndTaskEdges() {
        for count in [0, 1, 17, 16_384, 40_001] {
            expectAgreement("AdamW \(count)", 1e-6) { device in
                let weight = numbers("w", [count], on: device)
                return AdamWMoments(of: weight).step(
                    weight, along: numbers("g", [count], on: device),
                    AdamWStep(number: 3, learningRate: 0.1))
            }
        }
    }

    @Test func sumsSquaresWithoutOverflowAndFindsWhatIsNotFinite() {
        for device in [Device.reference, .cpu] {
            let large = Tensor.full([5, 7], 1e30, device: device)
            #expect(abs(large.transposed().sumOfSquares / 35e60 - 1) < 1e-6)
            for bad in [Float.nan, .infinity] {
                let x = Tensor.concatenate(
                    [.zeros([20_000], device: device), Tensor([bad], device: device)], axis: 0)
                #expect(!x.sumOfSquares.isFinite)
            }
            #expect(Tensor([Float](), device: device).sumOfSquares == 0)
        }
    }
}
