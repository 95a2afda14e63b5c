import TensorCore
import TestSupport
import Testing

/// Products and their gradients against PyTorch and against finite differences.
@Suite struct ProductsTests {
    private func expect(
        _ case: String, _ inputs: [(name: String, value: Tensor)],
        _ function: ([Tensor]) -> Tensor
    ) throws {
        let fixture = try Fixture("products")
        for device in [Device.reference, .cpu] {
            let (leaves, y) = withGradients {
                let leaves = inputs.map { $0.value.on(device).differentiable() }
                return (leaves, function(leaves))
            }
            let found = gradients(of: [(y, recipeInput("seed", y.shape).on(device))])
            let results = [("y", y)] + zip(inputs, leaves).map { ($0.name, found[$1] ?? $1) }
            for (name, value) in results {
                let error = relativeError(
                    value, fixture["\(`case`).\(name)"], of: "products, \(device)",
                    original: fixture.source)
                #expect(error <= 1e-5, "\(`case`).\(name), \(device)")
            }
        }
    }

    @Test func matrixProductsAndTheirGradientsArePyTorchs() throws {
        let cases: [(String, Shape, Shape)] = [
            ("matrix", [5, 7], [7, 3]), ("batch", [2, 3, 4, 6], [3, 6, 5]),
            ("shared", [3, 4, 6], [6, 5]), ("vector", [4, 6], [6]),
        ]
        for (name, a, b) in cases {
            try expect(name, [("a", recipeInput("a", a)), ("b", recipeInput("b", b))]) {
                $0[0].matmul($0[1])
            }
        }
    }

    @Test func linearMapsAndTheirGradientsArePyTorchs() throws {
        try expect(
            "linear",
            [
                ("x", recipeInput("x", [2, 9, 20])), ("w", recipeInput("w", [34, 20])),
                ("b", recipeInput("b", [34])), ("r", recipeInput("r", [2, 9, 34])),
            ]
        ) { $0[0].linear($0[1], bias: $0[2], residual: $0[3]) }
    }

    @Test func gradientsOfProductsAreThoseOfDifferences() {
        expectGradients("matmul", of: [recipeInput("a", [2, 3, 4]), recipeInput("b", [4, 5])]) {
            $0[0].matmul($0[1])
        }
        expectGradients(
            "matmul of views", of: [recipeInput("a", [4, 3]), recipeInput("b", [2, 5, 4])]
        ) { $0[0].transposed().matmul($0[1].transposed()) }
        expectGradients(
            "linear",
            of: [recipeInput("x", [6, 4]), recipeInput("w", [3, 4]), recipeInput("b", [3])]
        ) { $0[0].linear($0[1], bias: $0[2]) }
    }

    @Test(arguments: [DType.bfloat16, .float16, .q8_0, .q4_0, .q4_K, .q6_K])
    func gradientsPassThroughFrozenWeightsAsTheyAreStored(_ dtype: DType) {
        for rows in [1, 30] {
            let x = recipeInput("x", [rows, 256])
            let weight = numbers("w", [70, 256], on: .cpu, dtype)
            #expect(!withGradients { Parameter("w", weight).value.isTracked } || !dtype.isBlocked)
            func gradient(_ weight: Tensor) -> Tensor? {
                withGradients {
                    let input = x.differentiable()
                    let y = input.linear(weight)
                    return gradients(of: [(y, recipeInput("seed", y.shape))])[input]
                }
            }
            guard let found = gradient(weight), let expected = gradient(weight.cast(to: .float32))
            else {
                Issue.record("no gradient through \(dtype)")
                continue
            }
            #expect(found.isClose(to: expected, absolute: 1e-4), "\(dtype)")
        }
    }

    @Test func trainsWeightsOfSixteenBits() {
        let (x, w) = (recipeInput("x", [5, 8]), recipeInput("w", [3, 8]))
        let weight = Parameter("w", w.cast(to: .bfloat16))
        let y = withGradients { x.linear(weight.value) }
        let seed = recipeInput("seed", y.shape)
        let found = gradients(of: [(y, seed)])[weight]
        #expect(found?.isClose(to: seed.transposed().matmul(x), absolute: 1e-5) ?? false)
    }
}
