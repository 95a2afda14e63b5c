import TensorCore
import TestSupport
import Testing

private let weightTypes: [DType] = [.float32, .bfloat16, .float16, .q8_0, .q4_0, .q4_K, .q6_K]

@Suite struct CPUProductsTests {
    @Test func multipliesMatrices() {
        for (a, b) in [
            ([1, 1], [1, 1]), ([3, 5], [5, 4]), ([2, 3, 5], [2, 5, 4]), ([2, 3, 5], [5, 4]),
            ([520, 9], [9, 270]), ([3, 1, 17], [3, 17, 5]), ([2, 0, 4], [2, 4, 3]),
            ([2, 3, 0], [2, 0, 4]), ([4, 1], [1, 6]),
        ] {
            expectAgreement("\(a) × \(b)") {
                numbers("a", a, on: $0).matmul(numbers("b", b, on: $0))
            }
            expectAgreement("\(a) × \(b), both turned") {
                numbers("a", a, on: $0).transposed().dense().transposed().matmul(
                    numbers("b", b, on: $0).transposed().dense().transposed())
            }
            expectAgreement("\(a) × \(b), no adjacent axis") {
                let wide = numbers("a", a + [2], on: $0).selected(-1, 1)
                return wide.matmul(numbers("b", b, on: $0))
            }
        }
        expectAgreement("rows repeated") {
            numbers("a", [1, 6], on: $0).broadcast(to: [5, 6]).matmul(numbers("b", [6, 3], on: $0))
        }
    }

    @Test(arguments: weightTypes) func appliesLinearMaps(_ dtype: DType) {
        // With weights in blocks activations are rounded to 16 bits.
        let tolerance: Float = dtype.isBlocked ? 5e-5 : 1e-5
        for (m, n, length) in [
            (1, 1, 1), (1, 37, 33), (2, 8, 64), (3, 5, 1040), (4, 300, 70), (5, 7, 9),
            (16, 33, 600), (17, 300, 520), (29, 70, 1100), (515, 20, 31), (0, 3, 4), (2, 0, 4),
            (3, 4, 0), (9, 4, 0),
        ] {
            let size = dtype.blockSize
            let k = (length + size - 1) / size * size
            for activation in [Activation.identity, .gelu] {
                expectAgreement("linear \(m) \(n) \(k) \(activation)", tolerance) {
                    numbers("x", [m, k], on: $0).linear(
                        numbers("w", [n, k], on: $0, dtype), bias: numbers("b", [n], on: $0),
                        activation: activation, residual: numbers("r", [m, n], on: $0))
                }
            }
            expectAgreement("linear \(m) \(n) \(k), views", tolerance) {
                numbers("x", [k, m], on: $0).transposed().linear(
                    numbers("w", [n, k], on: $0, dtype),
                    residual: numbers("r", [n, m], on: $0).transposed())
            }
            expectAgreement("linear \(m) \(n) \(k), a part of wider rows", tolerance) {
                numbers("x", [m, k + 3], on: $0).sliced(1, 2..<(k + 2)).linear(
                    numbers("w", [n, k], on: $0, dtype))
            }
        }
        expectAgreement("one row for all", tolerance) {
            numbers("x", [1, 256], on: $0).broadcast(to: [7, 256]).linear(
                numbers("w", [4, 256], on: $0, dtype))
        }
    }

    @Test(arguments: weightTypes) func multipliesByStoredWeights(_ dtype: DType) {
        for (m, n, k) in [(1, 256, 3), (5, 512, 70), (40, 256, 530), (3, 256, 0), (0, 256, 2)] {
            expectAgreement("\(m) × \(k) × \(n)") {
                // The gradient of a linear map with respect to its input.
                $0.backend.matmul(
                    numbers("g", [1, m, k], on: $0),
                    numbers("w", [k, n], on: $0, dtype).unsqueezed(0))
            }
        }
    }

    @Test(arguments: [DType.q8_0, .q4_0, .q4_K, .q6_K])
    func readsBlocksOnTheRightAsTheyAreStored(_ dtype: DType) {
        expectAgreement("\(dtype)") {
            numbers("x", [2, 3, 70], on: $0).matmul(numbers("w", [70, 512], on: $0, dtype))
        }
        expectAgreement("gradient through \(dtype)", 5e-5) { device in
            let weight = numbers("w", [70, 512], on: device, dtype)
            let arriving = numbers("g", [5, 512], on: device)
            return withGradients {
                let x = numbers("x", [5, 70], on: device).differentiable()
                let loss = (x.matmul(weight) * arriving).sum()
                return loss.backward()[x] ?? .zeros([0])
            }
        }
    }

    @Test func carriesNaNAndInfinityToTheirRowsAndColumnsOnly() {
        for m in [3, 40] {
            var (x, w) = (
                [Float](repeating: 1, count: m * 70), [Float](repeating: 2, count: 50 * 70)
            )
            x[70 + 3] = .nan
            w[7 * 70 + 9] = .infinity
            let y = Tensor(x, [m, 70]).linear(Tensor(w, [50, 70])).floats()
            for (index, value) in y.enumerated() {
                let (row, column) = (index / 50, index % 50)
                #expect(
                    row == 1 ? value.isNaN : value == (column == 7 ? .infinity : 140),
                    "\(m) rows: \(value) at \(row), \(column)")
            }
        }
    }

    @Test func attends() {
        for (heads, keyHeads, m, n, d, e) in [
            (2, 2, 5, 5, 4, 4), (4, 2, 1, 70, 16, 16), (3, 1, 3, 700, 40, 24),
            (2, 2, 140, 140, 33, 33), (1, 1, 17, 1100, 8, 5), (2, 1, 4, 1, 8, 8),
            (2, 2, 6, 0, 4, 4), (2, 2, 0, 4, 4, 4), (1, 1, 9, 4, 8, 8),
        ] {
            func inputs(_ device: Device) -> (Tensor, Tensor, Tensor) {
                (
                    numbers("q", [2, m, heads * d], on: device).splitHeads(heads),
                    numbers("k", [2, n, keyHeads * d], on: device).splitHeads(keyHeads),
                    numbers("v", [2, n, keyHeads * e], on: device).splitHeads(keyHeads)
                )
            }
            let subject = "attention \(heads)/\(keyHeads) \(m)×\(n) \(d) \(e)"
            expectAgreement(subject) { device in
                let (q, k, v) = inputs(device)
                return attention(q, k, v)
            }
            expectAgreement("\(subject) causal") { device in
                let (q, k, v) = inputs(device)
                return attention(q, k, v, scale: 0.3, mask: .causal)
            }
            expectAgreement("\(subject) masked by position") { device in
                let (q, k, v) = inputs(device)
                return attention(q, k, v, mask: .additive(numbers("m", [m, n], on: device)))
            }
            expectAgreement("\(subject) masked by key") { device in
                let (q, k, v) = inputs(device)
                let hidden = numbers("m", [2, 1, 1, n], on: device).floats().map {
                    $0 > 0 ? -Float.infinity : 0
                }
                return attention(
                    q, k, v, mask: .additive(Tensor(hidden, [2, 1, 1, n], device: device)))
            }
            expectAgreement("\(subject) sees nothing") { device in
                let (q, k, v) = inputs(device)
                return attention(
                    q, k, v, mask: .additive(.full([1, n], -Double.infinity, device: device)))
            }
            expectAgreement("\(subject) of copied views") { device in
                let (q, k, v) = inputs(device)
                func turned(_ x: Tensor) -> Tensor { x.transposed().dense().transposed() }
                return attention(turned(q), turned(k), turned(v))
            }
        }
    }
}
