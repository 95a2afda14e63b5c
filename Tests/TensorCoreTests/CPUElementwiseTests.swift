import Foundation
import TensorCore
import TestSupport
import Testing

let activations: [Activation] = [
    .identity, .relu, .sigmoid, .tanh, .silu, .gelu, .geluTanh, .quickGELU,
    .leakyReLU(slope: 0.1),
]

@Suite struct CPUElementwiseTests {
    static let functions: [UnaryOperation] =
        [
            .negate, .absolute, .square, .squareRoot, .reciprocalSquareRoot, .reciprocal,
            .exponential, .logarithm, .sine, .cosine, .affine(scale: 1.5, shift: -2),
            .clamp(-1, 0.5),
        ] + activations.map { .activation($0) }

    @Test(arguments: functions) func appliesFunctionsToViews(_ function: UnaryOperation) {
        for shape in [
            [1], [7], [16], [33, 5], [3, 40, 31], [2, 3, 2, 5, 3], [1100, 40], [0, 3],
        ] {
            for (name, view) in viewMakers where shape.count > 1 || name == "dense" {
                expectAgreement("\(function) \(name) \(shape)", 2e-6) { device in
                    device.backend.unary(function, view(numbers("x", shape, on: device, scale: 12)))
                }
            }
        }
    }

    @Test(arguments: functions) func treatsSpecialValuesAlike(_ function: UnaryOperation) {
        let special: [Float] = [
            0, .nan, .infinity, -.infinity, 88.8, -88.8, 104, -104, 1e-30, -1e-30, 1e30, -1e30,
            .leastNonzeroMagnitude, 0.625, -0.625, 1.4142135, -1.4142137,
        ]
        for value in special {
            if case .sine = function, abs(value) > 1000 { continue }
            if case .cosine = function, abs(value) > 1000 { continue }
            expectAgreement("\(function) of \(value)", 4e-6) { device in
                device.backend.unary(function, Tensor([value], device: device))
            }
        }
    }

    @Test func keepsRelativeAccuracyOfTails() {
        let values = (-4000...4000).map { Float($0) / 500 }
        let functions: [(Activation, @Sendable (Double) -> Double)] = [
            (.sigmoid, { 1 / (1 + exp(-$0)) }), (.tanh, { tanh($0) }),
            (.silu, { $0 / (1 + exp(-$0)) }), (.gelu, { $0 / 2 * erfc(-$0 / 2.squareRoot()) }),
            (.quickGELU, { $0 / (1 + exp(-1.702 * $0)) }),
        ]
        for (activation, exact) in functions {
            for (x, y) in zip(values, Tensor(values).activated(activation).floats()) {
                let expected = exact(Double(x))
                #expect(
                    abs(Double(y) - expected) <= 6e-6 * abs(expected), "\(activation) of \(x)")
            }
        }
        for (x, y) in zip(values, Tensor(values).exp().floats()) {
            #expect(abs(Double(y) - exp(Double(x))) <= 3e-7 * exp(Double(x)), "exp \(x)")
        }
    }

    @Test func combinesPairs() {
        let pairs: [(Shape, Shape)] = [
            ([7], [7]), ([3, 5], [5]), ([3, 5], [3, 1]), ([2, 3, 4, 5], [3, 1, 1]),
            ([2, 1, 5], [3, 1]), ([40, 1030], [1030]), ([40, 1030], [40, 1]), ([0, 4], [4]),
            ([3], []), ([100, 3, 7], [100, 1, 7]),
        ]
        let operations: [(String, @Sendable (Tensor, Tensor) -> Tensor)] = [
            ("+", { $0 + $1 }), ("-", { $0 - $1 }), ("*", { $0 * $1 }), ("/", { $0 / $1 }),
            ("max", { $0.maximum($1) }), ("min", { $0.minimum($1) }),
        ]
        for (name, operation) in operations {
            for (a, b) in pairs {
                for dtype in [DType.float32, .int64, .int32, .int16, .int8, .uint8] {
                    let scale = dtype == .float32 ? 4.0 : 100
                    expectAgreement("\(a) \(name) \(b) \(dtype)", 1e-6) { device in
                        let x = numbers("a", a, on: device, dtype, scale: scale)
                        var y = numbers("b", b, on: device, dtype, scale: scale)
                        if name == "/", dtype != .float32 {
                            y = y.absolute().clamped(to: 1...100).cast(to: dtype)
                        }
                        return operation(x, y)
                    }
                }
            }
            expectAgreement("\(name), views") {
                operation(
                    numbers("a", [60, 70], on: $0).transposed(),
                    numbers("b", [71, 60], on: $0).sliced(0, 1..<71))
            }
            for (a, b) in [(Float.nan, Float(1)), (1, .nan), (.infinity, -.infinity), (0, 0)] {
                expectAgreement("\(a) \(name) \(b)", 0) {
                    operation(Tensor([a], device: $0), Tensor([b], device: $0))
                }
            }
        }
    }

    @Test(arguments: [Device.reference, .cpu]) func wrapsNarrowIntegers(_ device: Device) {
        func pair(_ a: Int32, _ b: Int32, _ dtype: DType) -> (Tensor, Tensor) {
            (
                Tensor([a, a], device: device).cast(to: dtype),
                Tensor([b, b], device: device).cast(to: dtype)
            )
        }
        let (a, b) = pair(100, 100, .int8)
        #expect((a + b).integers() == [-56, -56] && (a + b).dtype == .int8)
        let (c, d) = pair(3, 5, .uint8)
        #expect((c - d).integers() == [254, 254] && (c - d).dtype == .uint8)
        let (e, f) = pair(300, 300, .int16)
        #expect((e * f).integers() == [24464, 24464] && (e * f).dtype == .int16)
        let (g, h) = pair(-128, -1, .int8)
        #expect((g / h).integers() == [-128, -128])
        #expect(g.maximum(h).integers() == [-1, -1])
    }

    @Test(arguments: [Device.reference, .cpu]) func widensMixedIntegers(_ device: Device) {
        // float32 holds neither of these.
        let wide = Tensor([Int32(16_777_217)], device: device)
        let sum = wide + Tensor.zeros([1], .int64, device: device)
        #expect(sum.dtype == .int64 && sum.integers() == [16_777_217])
        let types: [(DType, DType, DType)] = [
            (.uint8, .int8, .int16), (.int8, .int16, .int16), (.bool, .uint8, .uint8),
            (.int32, .bool, .int32), (.bool, .bool, .float32), (.int64, .float16, .float32),
        ]
        for (a, b, expected) in types {
            let result =
                Tensor.full([2], 1, a, device: device) + Tensor.full([2], 1, b, device: device)
            #expect(result.dtype == expected, "\(a) and \(b)")
            #expect(result.integers() == [2, 2], "\(a) and \(b)")
        }
    }

    @Test(arguments: activations) func gatesViews(_ activation: Activation) {
        for shape in [[5], [3, 17], [40, 2051], [0, 2]] {
            expectAgreement("gated \(activation) \(shape)", 2e-6) { device in
                let x = numbers("x", shape.dropLast() + [2 * shape[shape.count - 1]], on: device)
                    .split(2, axis: -1)
                return x[0].gated(by: x[1], activation)
            }
        }
    }
}
