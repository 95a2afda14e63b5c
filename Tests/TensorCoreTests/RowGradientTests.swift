import TensorCore
import TestSupport
import Testing

/// Expects both devices to find the same gradients of `function` for every input.
func expectGradientAgreement(
    _ subject: String, _ shapes: [Shape], tolerance: Float = 1e-5, scale: Double = 4,
    sourceLocation: SourceLocation = #_sourceLocation, _ function: ([Tensor]) -> Tensor
) {
    for index in shapes.indices {
        expectAgreement("\(subject), input \(index)", tolerance, sourceLocation: sourceLocation) {
            device in
            let (leaves, result) = withGradients {
                let leaves = shapes.enumerated().map {
                    numbers("input \($0)", $1, on: device, scale: scale).differentiable()
                }
                return (leaves, function(leaves))
            }
            let weight = numbers("weight", result.shape, on: device)
            let found = gradients(of: [(result, weight)])
            return found[leaves[index]] ?? Tensor([Float.nan], device: device)
        }
    }
}

@Suite struct RowGradientTests {
    @Test func addsUpAlongAnAxis() {
        let x = Tensor([1, 2, 3, 4, 5, 6], [2, 3])
        for device in [Device.reference, .cpu] {
            #expect(x.on(device).cumulativeSum().floats() == [1, 3, 6, 4, 9, 15])
            #expect(x.on(device).cumulativeSum(0).floats() == [1, 2, 3, 5, 7, 9])
            #expect(x.on(device).transposed().cumulativeSum(0).floats() == [1, 4, 3, 9, 6, 15])
            #expect(Tensor.zeros([0, 3], device: device).cumulativeSum(0).shape == [0, 3])
        }
        let cube = recipeInput("cube", [2, 3, 4])
        expectGradients("cumulativeSum", of: [cube]) { $0[0].cumulativeSum(1) }
    }

    let fixture: FixtureChecks
    init() throws { fixture = try FixtureChecks("gradients", "Row gradients") }

    @Test func reductionsMatchPyTorch() {
        let z = recipeInput("z", [2, 3, 5])
        let tied = Tensor(z.floats().map { $0.rounded(.toNearestOrEven) }, z.shape)
        fixture.expect("sum", [z]) { $0[0].sum([0, 2]) }
        fixture.expect("mean", [z]) { $0[0].mean([1], keepingAxes: true) }
        fixture.expect("max", [tied]) { $0[0].max([0, 2]) }
        fixture.expect("min", [tied]) { $0[0].min() }
        fixture.expect("variance", [z]) { $0[0].variance([2]) }
        fixture.expect("normalized", [z]) { $0[0].normalized() }
    }

    @Test func softmaxAndCrossEntropyMatchPyTorch() {
        let x = recipeInput("x", [5, 19])
        let targets = Tensor([Int32(3), -100, 0, 18, -100])
        fixture.expect("softmax", [x]) { $0[0].softmax() }
        fixture.expect("logSoftmax", [x]) { $0[0].logSoftmax() }
        for (name, reduction) in [("none", LossReduction.none), ("sum", .sum), ("mean", .mean)] {
            fixture.expect("crossEntropy.\(name)", [x]) {
                $0[0].crossEntropy(targets.on($0[0].device), reduction: reduction)
            }
        }
        #expect(x.crossEntropy(Tensor([Int32](repeating: -100, count: 5))).item().isNaN)
    }

    @Test func normsMatchPyTorch() {
        let x = recipeInput("x", [5, 19])
        let (w, c) = (recipeInput("w", [19]), recipeInput("c", [19]))
        fixture.expect("layerNorm", [x, w, c]) {
            $0[0].layerNorm(weight: $0[1], bias: $0[2], epsilon: 1e-5)
        }
        fixture.expect("rmsNorm", [x, w]) { $0[0].rmsNorm(weight: $0[1], epsilon: 1e-6) }
        let image = recipeInput("image", [2, 6, 3, 4])
        let (v, d) = (recipeInput("w", [6]), recipeInput("c", [6]))
        for (name, activation) in [("groupNorm", Activation.identity), ("groupNorm.silu", .silu)] {
            fixture.expect(name, [image, v, d]) {
                $0[0].groupNorm(
                    groups: 3, weight: $0[1], bias: $0[2], epsilon: 1e-5, activation: activation)
            }
        }
    }

    @Test func devicesAgreeAcrossVectorAndTaskEdges() {
        for shape in [[1, 1], [3, 7], [5, 16], [70, 33], [300, 5], [2, 5000], [0, 8]] {
            expectGradientAgreement("softmax \(shape)", [shape], scale: 8) { $0[0].softmax() }
            expectGradientAgreement("logSoftmax \(shape)", [shape], scale: 8) {
                $0[0].logSoftmax()
            }
            let targets = (0..<shape[0]).map { $0 % 3 == 1 ? -100 : Int32($0 % shape[1]) }
            expectGradientAgreement("crossEntropy \(shape)", [shape]) {
                $0[0].crossEntropy(Tensor(targets, device: $0[0].device), reduction: .sum)
            }
            guard shape[0] > 0, shape[1] > 1 else { continue }
            expectGradientAgreement("layerNorm \(shape)", [shape, [shape[1]], [shape[1]]]) {
                $0[0].layerNorm(weight: $0[1], bias: $0[2], epsilon: 1e-5)
            }
            expectGradientAgreement("rmsNorm \(shape)", [shape, [shape[1]]]) {
                $0[0].rmsNorm(weight: $0[1], epsilon: 1e-6)
            }
        }
        for (shape, groups) in [([2, 6, 5], 3), ([1, 32, 4, 4], 32), ([2, 4, 40, 40], 2)] {
            for activation in [Activation.identity, .silu, .gelu] {
                let widths = [shape, [shape[1]], [shape[1]]]
                expectGradientAgreement("groupNorm \(shape) \(activation)", widths) {
                    $0[0].groupNorm(
                        groups: groups, weight: $0[1], bias: $0[2], epsilon: 1e-5,
                        activation: activation)
                }
            }
        }
    }

    @Test func reducesColumnsWithoutTurningThem() {
        for shape in [[2, 2], [5, 3], [64, 17], [65, 1030], [9000, 3], [0, 4], [700, 1]] {
            for reduction in [Reduction.sum, .mean, .maximum, .minimum] {
                expectAgreement("\(reduction) of columns \(shape)", 2e-6) {
                    $0.backend.reduce(reduction, numbers("x", shape, on: $0).transposed())
                }
            }
        }
    }

    @Test func attentionMatchesPyTorch() {
        let (q, k, v) = (
            recipeInput("q", [2, 4, 5, 6], scale: 2), recipeInput("k", [2, 2, 9, 6], scale: 2),
            recipeInput("v", [2, 2, 9, 7], scale: 2)
        )
        fixture.expect("attention", [q, k, v]) { attention($0[0], $0[1], $0[2]) }
        fixture.expect("attention.causal", [q, k, v]) {
            attention($0[0], $0[1], $0[2], mask: .causal)
        }
        fixture.expect("attention.masked", [q, k, v, recipeInput("mask", [4, 1, 9])]) {
            attention($0[0], $0[1], $0[2], mask: .additive($0[3]))
        }
        let bias = [recipeInput("bk", [2, 6]), recipeInput("bv", [2, 7])]
        fixture.expect("attention.bias", [q, k, v] + bias) {
            attention($0[0], $0[1], $0[2], bias: (key: $0[3], value: $0[4]))
        }
    }

    @Test func attentionAgreesAcrossTileEdges() {
        let cases: [(batch: Int, heads: Int, kvHeads: Int, m: Int, n: Int, d: Int, e: Int)] = [
            (1, 1, 1, 1, 1, 1, 1), (2, 2, 1, 1, 100, 8, 8), (1, 2, 2, 3, 1, 5, 3),
            (1, 4, 2, 17, 33, 16, 20), (1, 1, 1, 65, 97, 40, 40), (1, 2, 1, 70, 200, 7, 33),
            (1, 1, 1, 33, 600, 4, 4), (1, 1, 1, 2, 2100, 6, 5), (1, 1, 1, 40, 30, 90, 90),
        ]
        for c in cases {
            let (q, k, v) = (
                [c.batch, c.heads, c.m, c.d], [c.batch, c.kvHeads, c.n, c.d],
                [c.batch, c.kvHeads, c.n, c.e]
            )
            expectGradientAgreement("\(c)", [q, k, v], scale: 2) {
                attention($0[0], $0[1], $0[2])
            }
            expectGradientAgreement("\(c), causal", [q, k, v], scale: 2) {
                attention($0[0], $0[1], $0[2], mask: .causal)
            }
            let bias = [[c.heads, c.m, c.n], [c.kvHeads, c.d], [c.kvHeads, c.e]]
            expectGradientAgreement("\(c), masked", [q, k, v] + bias, scale: 2) {
                attention(
                    $0[0], $0[1], $0[2], mask: .additive($0[3]), bias: (key: $0[4], value: $0[5]))
            }
            for masked in [false, true] {
                expectAgreement("\(c), masked \(masked)") {
                    let mask = numbers("m", [c.m, c.n], on: $0)
                    return attention(
                        numbers("q", q, on: $0, scale: 2), numbers("k", k, on: $0, scale: 2),
                        numbers("v", v, on: $0, scale: 2), mask: masked ? .additive(mask) : .causal)
                }
            }
        }
    }

    @Test func rotaryTurnsBack() {
        let angles = [recipeInput("c", [3, 3]), recipeInput("s", [3, 3])]
        for interleaved in [false, true] {
            expectGradients("rotary", of: [recipeInput("x", [2, 3, 2, 6])]) {
                $0[0].rotated(
                    cosines: angles[0].on($0[0].device), sines: angles[1].on($0[0].device),
                    interleaved: interleaved)
            }
        }
    }
}
