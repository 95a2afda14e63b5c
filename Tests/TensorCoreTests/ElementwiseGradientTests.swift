import TensorCore
import TestSupport
import Testing

@Suite struct ElementwiseGradientTests {
    let fixture: FixtureChecks
    init() throws { fixture = try FixtureChecks("gradients", "Elementwise gradients") }

    private static let functions: [(String, @Sendable (Tensor) -> Tensor)] = [
        ("negate", { -$0 }), ("absolute", { $0.absolute() }), ("square", { $0.squared() }),
        ("exp", { $0.exp() }), ("sin", { $0.sin() }), ("cos", { $0.cos() }),
        ("relu", { $0.relu() }), ("sigmoid", { $0.sigmoid() }), ("tanh", { $0.tanh() }),
        ("silu", { $0.silu() }), ("gelu", { $0.gelu() }),
        ("geluTanh", { $0.activated(.geluTanh) }), ("quickGELU", { $0.quickGELU() }),
        ("leakyReLU", { $0.leakyReLU(0.1) }), ("affine", { $0.affine(scale: 1.5, shift: -2) }),
        ("clamp", { $0.clamped(to: -1...0.5) }),
    ]
    private static let positive: [(String, @Sendable (Tensor) -> Tensor)] = [
        ("sqrt", { $0.squareRoot() }), ("rsqrt", { $0.reciprocalSquareRoot() }),
        ("reciprocal", { $0.reciprocal() }), ("log", { $0.log() }), ("power", { $0.power(2.5) }),
    ]

    @Test func functionsMatchPyTorch() {
        let x = recipeInput("x", [5, 19])
        for (name, function) in Self.functions {
            fixture.expect(name, [x]) { function($0[0]) }
        }
        for (name, function) in Self.positive {
            fixture.expect(name, [x.absolute() + 0.25]) { function($0[0]) }
        }
    }

    @Test func functionsAgreeWithFiniteDifferences() {
        // Away from every kink.
        let x = Tensor([-2.7, -1.4, -0.6, -0.2, 0.3, 0.8, 1.7, 2.9])
        for (name, function) in Self.functions {
            expectGradients(name, of: [x]) { function($0[0]) }
        }
        for (name, function) in Self.positive {
            expectGradients(name, of: [x.absolute() + 0.5]) { function($0[0]) }
        }
    }

    @Test func pairsMatchPyTorch() {
        let (a, b) = (recipeInput("a", [3, 1, 7]), recipeInput("b", [4, 1]))
        fixture.expect("add", [a, b]) { $0[0] + $0[1] }
        fixture.expect("subtract", [a, b]) { $0[0] - $0[1] }
        fixture.expect("multiply", [a, b]) { $0[0] * $0[1] }
        fixture.expect("divide", [a, b.absolute() + 0.25]) { $0[0] / $0[1] }
        fixture.expect("maximum", [a, b]) { $0[0].maximum($0[1]) }
        fixture.expect("minimum", [a, a]) { $0[0].minimum($0[1]) }
        fixture.expect("choose", [a, b]) { Tensor.choose($0[0] .< $0[1], $0[0], $0[1] * 2) }
        let (x, gate) = (recipeInput("x", [5, 19]), recipeInput("gate", [5, 19]))
        fixture.expect("swiglu", [x, gate]) { $0[0].gated(by: $0[1], .silu) }
        fixture.expect("geglu", [x, gate]) { $0[0].gated(by: $0[1], .gelu) }
    }

    @Test func devicesAgreeOnViews() {
        for shape in [[3, 3], [7, 16], [33, 5], [3, 40, 31], [1100, 40], [2, 2051], [0, 3]] {
            for activation in activations {
                expectGradientAgreement("\(activation) \(shape)", [shape], scale: 4) {
                    $0[0].transposed().activated(activation)
                }
                expectGradientAgreement("gated \(activation) \(shape)", [shape, shape]) {
                    $0[0].gated(by: $0[1], activation)
                }
            }
        }
    }

    @Test func comparesPairsAsNumbers() {
        let operations: [(String, @Sendable (Tensor, Tensor) -> Tensor)] = [
            ("==", { $0 .== $1 }), ("<", { $0 .< $1 }), ("<=", { $0 .<= $1 }),
            (">", { $0 .> $1 }), (">=", { $0 .>= $1 }),
        ]
        for (name, operation) in operations {
            for dtype in [DType.float32, .int32, .int64] {
                expectAgreement("\(name) \(dtype)", 0) {
                    operation(
                        numbers("a", [40, 1030], on: $0, dtype), numbers("b", [1030], on: $0, dtype)
                    )
                }
            }
            let (nan, one) = (Tensor([Float.nan]), Tensor([Float(1)]))
            #expect(operation(nan, one).integers() == [0], "\(name)")
        }
        #expect((Tensor([1, 2, 3]) .>= Tensor([Float(2)])).integers() == [0, 1, 1])
        #expect(
            Tensor.choose(Tensor([Int32(1), 0]), Tensor([5]), Tensor([7, 8])).floats() == [5, 8])
    }
}
