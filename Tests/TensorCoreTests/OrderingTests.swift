import TensorCore
import TestSupport
import Testing

@Suite struct OrderingTests {
    private let inputs: [(String, Tensor)] = [
        ("cube", recipeInput("cube", [4, 5, 6])), ("wide", recipeInput("wide", [2, 600])),
        (
            "coarse",
            Tensor(
                recipeNumbers("coarse", 450).map { (Float(4 * $0) * 3).rounded(.toNearestOrEven) },
                [5, 90])
        ),
    ]

    @Test func sortsAsPyTorch() throws {
        let checks = try FixtureChecks("picking", "Ordering")
        for (name, x) in inputs {
            for (way, descending) in [("up", false), ("down", true)] {
                checks.expect("sort.\(name).\(way)", [x]) {
                    $0[0].sorted(1, descending: descending).values
                }
                checks.expectIndices("sort.\(name).\(way).indices") {
                    x.on($0).argSorted(1, descending: descending)
                }
            }
        }
        checks.expect("top", [inputs[1].1]) { $0[0].top(9).values }
        checks.expectIndices("top.indices") { inputs[1].1.on($0).top(9).indices }
        checks.expect("top.least", [inputs[0].1]) { $0[0].top(2, axis: 0, largest: false).values }
    }

    @Test func ordersZerosInfinitiesAndNotANumber() throws {
        let checks = try FixtureChecks("picking", "Ordering")
        let values: [Float] = [3, .nan, -0.0, .infinity, 0, -.infinity, .nan, 3]
        checks.expectIndices("odd.up") { Tensor(values, device: $0).argSorted() }
        checks.expectIndices("odd.down") {
            Tensor(values, device: $0).argSorted(descending: true)
        }
        checks.expectIndices("odd.least") { Tensor(values, [1, 8], device: $0).argMin() }
    }

    @Test func ordersIntegersExactly() throws {
        let checks = try FixtureChecks("picking", "Ordering")
        let x = checks.fixture["integers"]
        checks.expectIndices("integers.up") { x.on($0).sorted().values }
        checks.expectIndices("integers.up.indices") { x.on($0).sorted().indices }
        for dtype in [DType.int64, .int32, .int8, .bool] {
            expectAgreement("descending \(dtype)", 0) {
                numbers("x", [3, 700], on: $0, dtype, scale: 50).sorted(descending: true).values
            }
        }
    }

    @Test(arguments: [Device.reference, .cpu]) func findsExtremesOfIntegersExactly(_ device: Device)
    {
        // Neighbours that are one number as float32.
        let x = Tensor([16_777_216, 16_777_217, 5, 5] as [Int32], [2, 2], device: device)
        #expect(x.argMax().integers() == [1, 0])
        #expect(x.argMin().integers() == [0, 0])
        #expect(x.argMax(0).integers() == [0, 0])
        #expect(x.argMin(0).integers() == [1, 1])
        let wide = x.cast(to: .int64) * Tensor.full([], Double(1 << 36), .int64, device: device)
        #expect(wide.argMax().integers() == [1, 0])
        #expect(x.cast(to: .int8).argMax().integers() == [1, 0])
    }

    @Test func agreesWithThePlainLoopsAtEveryLength() {
        for count in [0, 1, 2, 23, 24, 25, 47, 100, 511, 512, 513, 3000] {
            for scale in [4.0, 1e-3] {
                expectAgreement("sort \(count)", 0) {
                    (numbers("x", [2, count], on: $0) * Float(1 / scale)).cast(to: .int32)
                        .cast(to: .float32).transposed().sorted(0).indices
                }
            }
            for few in [0, 1, 7, 300] where few <= count {
                for largest in [true, false] {
                    expectAgreement("top \(few) of \(count)", 0) {
                        let coarse = (numbers("x", [3, count], on: $0) * 20).cast(to: .int32)
                        return coarse.cast(to: .float32).top(few, largest: largest).indices
                    }
                }
            }
        }
    }

    @Test func hasTheGradientsOfDifferences() {
        // Far enough apart that no step changes the order.
        let x = Tensor([3, -1, 0.5, 2, 7, -4, 1, 4.5, -2, 5, -3, 6] as [Float], [3, 4])
        expectGradients("sort", of: [x]) { $0[0].sorted(0).values }
        expectGradients("top", of: [x]) { $0[0].top(2).values }
    }
}
