import TensorCore
import TestSupport
import Testing

/// Whether the processor gives what the plain loops give, relative to the largest value.
func expectAgreement(
    _ subject: String, _ tolerance: Float = 1e-5, sourceLocation: SourceLocation = #_sourceLocation,
    _ compute: (Device) -> Tensor
) {
    let (found, expected) = (compute(.cpu), compute(.reference))
    #expect(found.shape == expected.shape, "\(subject)", sourceLocation: sourceLocation)
    #expect(found.dtype == expected.dtype, "\(subject)", sourceLocation: sourceLocation)
    let (a, b) = (found.floats(), expected.floats())
    let largest = b.lazy.filter(\.isFinite).map(abs).max() ?? 0
    let wrong = a.indices.first { index in
        if b[index].isNaN { return !a[index].isNaN }
        if !b[index].isFinite { return a[index] != b[index] }
        return !(abs(a[index] - b[index]) <= tolerance * max(largest, 1e-30))
    }
    #expect(
        wrong == nil,
        "\(subject): \(wrong.map { "\(a[$0]) for \(b[$0]) at \($0) of \(expected.shape)" } ?? "")",
        sourceLocation: sourceLocation)
}

/// The recipe's numbers on a device, in a type.
func numbers(
    _ name: String, _ shape: Shape, on device: Device, _ dtype: DType = .float32,
    scale: Double = 4
) -> Tensor {
    let values = recipeInput(name, shape, scale: scale).on(device)
    return dtype.isBlocked ? values.quantized(to: dtype) : values.cast(to: dtype)
}

/// Views of many kinds over the same elements.
let viewMakers: [(String, @Sendable (Tensor) -> Tensor)] = [
    ("dense", { $0 }),
    ("transposed", { $0.transposed().dense().transposed() }),
    ("sliced", { $0.padded($0.shape.map { _ in (1, 2) }).inside(1) }),
    (
        "permuted",
        {
            $0.permuted(Array($0.shape.indices.reversed())).dense().permuted(
                Array($0.shape.indices.reversed()))
        }
    ),
]

extension Tensor {
    /// Without `before` elements at the start of each axis and two at its end.
    fileprivate func inside(_ before: Int) -> Tensor {
        shape.indices.reduce(self) { x, axis in
            x.sliced(axis, before..<(x.shape[axis] - 2))
        }
    }
}

@Suite struct CPUCopyTests {
    static let types: [DType] = DType.allCases.filter { !$0.isBlocked }

    @Test(arguments: types) func copiesViewsOfEveryType(_ dtype: DType) {
        for shape in [[3, 5], [17, 33, 40], [2, 3, 4, 5], [130, 70]] {
            for (name, view) in viewMakers {
                expectAgreement("\(name) \(dtype) \(shape)", 0) {
                    view(numbers("x", shape, on: $0, dtype, scale: 200)).dense()
                }
            }
        }
    }

    @Test(arguments: types) func castsToEveryType(_ from: DType) {
        for to in Self.types {
            expectAgreement("\(from) to \(to)", 0) {
                numbers("x", [5, 300], on: $0, from, scale: 200).cast(to: to)
            }
            expectAgreement("\(from) to \(to), view", 0) {
                numbers("x", [50, 30], on: $0, from, scale: 200).transposed().cast(to: to)
            }
        }
    }

    @Test func roundsNarrowFloatsToNearestEven() {
        let bits: [UInt32] = (0..<4096).map { UInt32($0) &* 1_048_573 &+ 977 }
        let special: [Float] = [
            0, -0.0, .infinity, -.infinity, .nan, 65504, 65519, 65520, 1e-8, 6e-8, 2.98e-8,
            .leastNonzeroMagnitude,
            6.1e-5, -6.0975552e-5, 3.4e38, 1.00048828125, 1.00146484375,
        ]
        let values = bits.map { Float(bitPattern: $0) } + special
        for dtype in [DType.float16, .bfloat16] {
            expectAgreement("\(dtype)", 0) {
                Tensor(values, device: $0).cast(to: dtype).cast(to: .float32)
            }
        }
    }

    @Test func assemblesTensors() {
        for dtype in [DType.float32, .bfloat16, .int64, .bool] {
            for axis in 0..<3 {
                expectAgreement("concatenate \(dtype) \(axis)", 0) { device in
                    let x = numbers("x", [3, 4, 5], on: device, dtype)
                    return .concatenate(
                        [x, x.sliced(axis, 1..<3), x.sliced(axis, 0..<0)], axis: axis)
                }
            }
            expectAgreement("pad \(dtype)", 0) {
                numbers("x", [3, 4, 5], on: $0, dtype).transposed().padded(
                    [(1, 0), (0, 2), (3, 1)], value: 1)
            }
            expectAgreement("fill \(dtype)", 0) { .full([3, 4], 1.7, dtype, device: $0) }
        }
        for (shape, sizes) in [
            ([2, 3, 5], [9]), ([1, 2, 4, 6], [8, 3]), ([2, 1, 2, 3, 4], [4, 3, 9]),
        ] {
            expectAgreement("resize \(shape) to \(sizes)", 0) {
                numbers("x", shape, on: $0).resizedNearest(to: sizes)
            }
            expectAgreement("resize a view of \(shape) to \(sizes)", 0) {
                numbers("x", shape, on: $0).transposed(0, 1).resizedNearest(to: sizes)
            }
        }
    }

    @Test func storesIntoViews() {
        expectAgreement("store", 0) { device in
            let x = Tensor.zeros([4, 6, 5], device: device)
            device.backend.store(
                numbers("x", [2, 6, 3], on: device).transposed(),
                into: x.permuted(0, 2, 1).sliced(0, 1..<3).sliced(1, 0..<3))
            return x
        }
        // Shifted over itself.
        let x = Tensor((0..<10).map { Float($0) })
        x.device.backend.store(x[0..<9], into: x[1..<10])
        #expect(x.floats() == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8])
    }
}
