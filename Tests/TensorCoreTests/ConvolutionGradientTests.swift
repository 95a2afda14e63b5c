import TensorCore
import TestSupport
import Testing

private struct Case: Sendable {
    var name: String
    var x: Shape
    var weight: Shape
    var geometry: ConvolutionGeometry
    var isTransposed = false

    /// - Parameter extra: output padding of a transposed convolution
    init(
        _ name: String, _ x: Shape, _ weight: Shape, stride: [Int]? = nil, padding: [Int]? = nil,
        dilation: Int = 1, groups: Int = 1, transposed extra: Int? = nil
    ) {
        let ones = [Int](repeating: 1, count: x.count - 2)
        let padding = padding ?? ones.map { _ in 0 }
        (self.name, self.x, self.weight) = (name, x, weight)
        geometry = ConvolutionGeometry(
            stride: stride ?? ones, before: padding, after: padding.map { $0 - (extra ?? 0) },
            dilation: ones.map { $0 * dilation }, groups: groups)
        isTransposed = extra != nil
    }

    func apply(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
        isTransposed
            ? x.transposeConvolved(with: weight, bias: bias, geometry)
            : x.convolved(with: weight, bias: bias, geometry)
    }
    var outputs: Int { isTransposed ? weight[1] * geometry.groups : weight[0] }
}

private let cases = [
    Case("1d", [2, 4, 11], [6, 2, 3], stride: [2], padding: [3], dilation: 2, groups: 2),
    Case("2d.winograd", [2, 20, 9, 10], [18, 20, 3, 3], padding: [1, 1]),
    Case("2d.winograd.valid", [1, 33, 7, 6], [17, 33, 3, 3]),
    Case("2d.strided", [2, 3, 8, 9], [5, 3, 3, 3], stride: [2, 2], padding: [1, 1]),
    Case("2d.point", [2, 4, 3, 5], [6, 4, 1, 1]),
    Case("2d.patches", [2, 3, 9, 8], [4, 3, 4, 4], stride: [4, 4]),
    Case("2d.depthwise", [2, 6, 5, 7], [6, 1, 3, 3], padding: [2, 2], dilation: 2, groups: 6),
    Case("3d.temporal", [1, 5, 4, 3, 3], [6, 5, 3, 1, 1], padding: [1, 0, 0]),
    Case("3d", [1, 2, 4, 5, 6], [3, 2, 2, 3, 3], stride: [2, 2, 2], padding: [1, 1, 1]),
    Case("transposed.1d", [2, 4, 5], [4, 3, 8], stride: [4], padding: [2], transposed: 0),
    Case(
        "transposed.1d.dilated", [2, 4, 6], [4, 3, 3], stride: [2], padding: [1], dilation: 2,
        groups: 2, transposed: 1),
    Case(
        "transposed.2d", [2, 2, 3, 4], [2, 3, 3, 2], stride: [2, 1], padding: [1, 0],
        transposed: 0),
    Case(
        "transposed.2d.winograd", [1, 20, 6, 7], [20, 18, 3, 3], padding: [1, 1], transposed: 0),
    Case(
        "transposed.3d", [1, 2, 2, 3, 3], [2, 3, 3, 2, 2], stride: [1, 2, 2], padding: [1, 1, 1],
        transposed: 0),
]

@Suite struct ConvolutionGradientTests {
    @Test func matchTorchElementByElement() throws {
        let fixture = try Fixture("convolutions")
        for c in cases {
            for device in [Device.reference, .cpu] {
                let x = recipeInput("signal", c.x).on(device)
                let weight = recipeInput("kernel", c.weight, scale: 1).on(device)
                let bias = recipeInput("bias", [c.outputs]).on(device)
                let (leaves, y) = withGradients {
                    let leaves = [x, weight, bias].map { $0.differentiable() }
                    return (leaves, c.apply(leaves[0], leaves[1], leaves[2]))
                }
                let arriving = recipeInput("arriving", y.shape).on(device)
                let found = gradients(of: [(y, arriving)])
                let results = [y.detached()] + leaves.compactMap { found[$0] }
                #expect(results.count == 4)
                for (result, part) in zip(results, ["y", "x", "weight", "bias"]) {
                    let error = relativeError(
                        result, fixture["\(c.name).\(part)"], of: "convolution \(c.name).\(part)",
                        original: fixture.source)
                    #expect(error <= 1e-5, "\(c.name).\(part) on \(device)")
                }
            }
        }
    }

    @Test func matchFiniteDifferences() {
        for c in cases where c.x.elementCount * c.weight.elementCount < 12_000 {
            let inputs = [
                recipeInput("signal", c.x), recipeInput("kernel", c.weight, scale: 1),
                recipeInput("bias", [c.outputs]),
            ]
            expectGradients(c.name, of: inputs) { c.apply($0[0], $0[1], $0[2]) }
        }
    }

    @Test func passThroughFrozenWeightsOfStoredTypes() {
        let c = cases[1]
        for dtype in [DType.bfloat16, .float16] {
            let weight = recipeInput("kernel", c.weight, scale: 1).cast(to: dtype)
            func inputGradient(_ weight: Tensor) -> Tensor? {
                withGradients {
                    let x = recipeInput("signal", c.x).differentiable()
                    let y = c.apply(x, weight, nil)
                    return gradients(of: [(y, recipeInput("arriving", y.shape))])[x]
                }
            }
            let (stored, wide) = (inputGradient(weight), inputGradient(weight.cast(to: .float32)))
            #expect(stored != nil && stored?.floats() == wide?.floats(), "\(dtype)")
        }
    }

    @Test func onlyTrackedOperandsGetGradients() {
        let c = cases[0]
        let (x, weight) = (recipeInput("signal", c.x), recipeInput("kernel", c.weight))
        withGradients {
            let leaf = weight.differentiable()
            let y = c.apply(x, leaf, nil)
            let found = gradients(of: [(y, recipeInput("arriving", y.shape))])
            #expect(found[leaf]?.shape == c.weight && found[x] == nil)
        }
        #expect(!c.apply(x, weight, nil).isTracked)
    }
}
