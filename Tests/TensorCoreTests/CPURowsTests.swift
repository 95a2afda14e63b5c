import TensorCore
import TestSupport
import Testing

@Suite struct CPURowsTests {
    @Test func reducesRows() {
        for shape in [
            [1, 1], [3, 7], [5, 16], [4, 1030], [3000, 5], [2, 70_001], [3, 0], [0, 4],
        ] {
            for transposed in [false, true] {
                for reduction in [Reduction.sum, .mean, .maximum, .minimum] {
                    expectAgreement("\(reduction) \(shape) \(transposed)", 2e-6) { device in
                        let x = numbers("x", shape, on: device)
                        return device.backend.reduce(
                            reduction, transposed ? x.transposed().dense().transposed() : x)
                    }
                }
                if shape[1] > 0 {
                    expectAgreement("argMax \(shape)", 0) {
                        let x = numbers("x", shape, on: $0)
                        return (transposed ? x.transposed().dense().transposed() : x).argMax()
                    }
                }
            }
        }
        let special: [[Float]] = [
            [1, .nan, 2], [.nan, 1, 2], [1, 2, .nan, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3],
            [.infinity, 1, -.infinity], [3, 3, 1],
        ]
        for values in special {
            for reduction in [Reduction.sum, .mean, .maximum, .minimum] {
                expectAgreement("\(reduction) \(values)", 1e-6) {
                    $0.backend.reduce(reduction, Tensor(values, [1, values.count], device: $0))
                }
            }
        }
        #expect(Tensor([Float(3), 5, 5, 1], [1, 4]).argMax().integers() == [1])
        #expect(Tensor([3, .nan, 5, 1], [1, 4]).argMax().integers() == [1])
    }

    @Test func normalisesRows() {
        for shape in [[1, 1], [3, 7], [5, 16], [4, 1030], [700, 33], [2, 5000], [0, 8]] {
            for (name, view) in viewMakers {
                expectAgreement("softmax \(name) \(shape)", 2e-6) {
                    view(numbers("x", shape, on: $0, scale: 20)).softmax()
                }
                expectAgreement("logSoftmax \(name) \(shape)", 2e-6) {
                    view(numbers("x", shape, on: $0, scale: 20)).logSoftmax()
                }
                for affine in [true, false] {
                    expectAgreement("layerNorm \(name) \(shape)", 4e-6) {
                        (view(numbers("x", shape, on: $0)) + 3).layerNorm(
                            weight: affine ? numbers("w", [shape[1]], on: $0) : nil,
                            bias: affine ? numbers("b", [shape[1]], on: $0) : nil, epsilon: 1e-5)
                    }
                }
                expectAgreement("rmsNorm \(name) \(shape)", 4e-6) {
                    view(numbers("x", shape, on: $0)).rmsNorm(
                        weight: numbers("w", [shape[1]], on: $0), epsilon: 1e-6)
                }
            }
        }
        for values: [Float] in [
            [-.infinity, 1], [-.infinity, -.infinity], [.nan, 1], [1e30, -1e30],
        ] {
            expectAgreement("softmax \(values)", 1e-6) { Tensor(values, device: $0).softmax() }
        }
    }

    @Test func normalisesGroups() {
        for (shape, groups) in [
            ([2, 6, 5], 3), ([1, 32, 4, 4], 32), ([2, 8, 70, 70], 2), ([2, 4, 2, 3, 3], 1),
            ([3, 4], 2), ([0, 4, 3], 2),
        ] {
            for activation in [Activation.identity, .silu, .relu] {
                expectAgreement("groupNorm \(shape) \(groups) \(activation)", 4e-6) {
                    (numbers("x", shape, on: $0) + 5).groupNorm(
                        groups: groups, weight: numbers("w", [shape[1]], on: $0),
                        bias: numbers("b", [shape[1]], on: $0), epsilon: 1e-5,
                        activation: activation)
                }
            }
            expectAgreement("groupNorm of a view \(shape)", 4e-6) {
                numbers("x", shape, on: $0).transposed().dense().transposed().groupNorm(
                    groups: groups, weight: nil, bias: nil, epsilon: 1e-5)
            }
        }
    }

    @Test func rotatesAndLooksUp() {
        for interleaved in [false, true] {
            for size in [2, 8, 34, 128] {
                expectAgreement("rotary \(size) \(interleaved)", 1e-6) {
                    let x = numbers("x", [2, 3, 5, size], on: $0)
                    let (c, s) = (
                        numbers("c", [5, size / 2], on: $0), numbers("s", [5, size / 2], on: $0)
                    )
                    return x.permuted(0, 2, 1, 3).rotated(
                        cosines: c, sines: s, interleaved: interleaved)
                }
            }
        }
        for dtype in [DType.float32, .bfloat16, .float16, .float64] {
            expectAgreement("embedding \(dtype)", 0) {
                numbers("t", [9, 35], on: $0, dtype).rows(
                    at: Tensor([Int32(0), 8, 3, 3], [2, 2], device: $0))
            }
        }
    }
}
