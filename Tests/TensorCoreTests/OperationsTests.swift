import TensorCore
import TestSupport
import Testing

/// Every operation on both backends, element by element, against PyTorch's results.
@Suite struct OperationsTests {
    /// Computes on each backend and holds the result against the tensor of that name.
    private func expect(
        _ name: String, of group: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ compute: (Device) -> Tensor
    ) throws {
        let fixture = try Fixture("operations")
        for device in [Device.reference, .cpu] {
            let error = relativeError(
                compute(device), fixture[name], of: "\(group), \(device)",
                original: fixture.source)
            #expect(error <= 1e-5, "\(name), \(device)", sourceLocation: sourceLocation)
        }
    }

    private func input(
        _ name: String, _ shape: Shape, _ device: Device, scale: Double = 4
    ) -> Tensor {
        recipeInput(name, shape, scale: scale).on(device)
    }
    private func x(_ device: Device) -> Tensor { input("x", [3, 5], device) }
    private func y(_ device: Device) -> Tensor { input("y", [3, 5], device) }
    private func row(_ device: Device) -> Tensor { input("row", [5], device) }
    private func column(_ device: Device) -> Tensor { input("column", [3, 1], device) }
    private func cube(_ device: Device) -> Tensor { input("cube", [2, 3, 4], device) }

    @Test func pairsElementsAndBroadcasts() throws {
        let group = "Elementwise operations"
        try expect("add.row", of: group) { x($0) + row($0) }
        try expect("subtract.column", of: group) { x($0) - column($0) }
        try expect("multiply.both", of: group) { row($0) * column($0) }
        try expect("divide", of: group) { x($0) / y($0) }
        try expect("maximum", of: group) { x($0).maximum(row($0)) }
        try expect("minimum", of: group) { x($0).minimum(column($0)) }
        try expect("scalars", of: group) { 3 - (x($0) * 2 + 1) / 4 }
        try expect("gated.silu", of: group) { x($0).gated(by: y($0), .silu) }
        try expect("gated.gelu", of: group) { x($0).gated(by: y($0), .gelu) }
    }

    @Test func appliesFunctionsOfOneElement() throws {
        let functions: [(String, (Tensor) -> Tensor)] = [
            ("negate", { -$0 }), ("absolute", { $0.absolute() }), ("square", { $0.squared() }),
            ("reciprocal", { $0.reciprocal() }), ("exponential", { $0.exp() }),
            ("sine", { $0.sin() }), ("cosine", { $0.cos() }), ("relu", { $0.relu() }),
            ("sigmoid", { $0.sigmoid() }), ("tanh", { $0.tanh() }), ("silu", { $0.silu() }),
            ("gelu", { $0.gelu() }), ("geluTanh", { $0.activated(.geluTanh) }),
            ("quickGELU", { $0.quickGELU() }), ("leakyReLU", { $0.leakyReLU(0.1) }),
            ("clamp", { $0.clamped(to: -0.5...1) }),
            ("squareRoot", { ($0.absolute() + 0.1).squareRoot() }),
            ("reciprocalSquareRoot", { ($0.absolute() + 0.1).reciprocalSquareRoot() }),
            ("logarithm", { ($0.absolute() + 0.1).log() }),
        ]
        for (name, function) in functions {
            try expect(name, of: "Elementwise operations") { function(x($0)) }
        }
    }

    @Test(arguments: [Device.reference, .cpu]) func addsIntegersExactly(_ device: Device) {
        let large = Tensor([Int32.max - 2, 5], device: device)
        #expect(
            (large + Tensor([Int32(2), -7], device: device)).integers() == [2_147_483_647, -2])
        let wide = large.cast(to: .int64)
        #expect((wide * wide).integers() == [(1 << 31 - 3) * (1 << 31 - 3), 25])
    }

    @Test func reducesRows() throws {
        let group = "Reductions and softmax"
        try expect("sum", of: group) { cube($0).sum() }
        try expect("sum.middle", of: group) { cube($0).sum([1]) }
        try expect("mean.outer", of: group) { cube($0).mean([0, 2], keepingAxes: true) }
        try expect("max", of: group) { cube($0).max([-1]) }
        try expect("min", of: group) { cube($0).min([0, 1]) }
        try expect("argMax", of: group) { cube($0).argMax(1) }
        try expect("softmax", of: group) { cube($0).softmax() }
        try expect("softmax.large", of: group) { (cube($0) * 100).softmax() }
        try expect("logSoftmax", of: group) { cube($0).logSoftmax() }
        try expect("normalized", of: group) { cube($0).normalized() }
    }

    @Test func multipliesMatrices() throws {
        let group = "Matrix products"
        func matrix(_ device: Device) -> Tensor { input("matrix", [6, 4], device, scale: 1) }
        func bias(_ device: Device) -> Tensor { input("bias", [6], device) }
        try expect("matmul", of: group) {
            input("a", [2, 1, 3, 4], $0).matmul(input("b", [5, 4, 6], $0))
        }
        try expect("matmul.vector", of: group) { cube($0).matmul(input("v", [4], $0)) }
        try expect("linear", of: group) { cube($0).linear(matrix($0), bias: bias($0)) }
        try expect("linear.gelu", of: group) {
            cube($0).linear(
                matrix($0), bias: bias($0), activation: .gelu,
                residual: input("residual", [2, 3, 6], $0))
        }
        try expect("linear.bfloat16", of: group) {
            cube($0).linear(matrix($0).cast(to: .bfloat16), bias: bias($0))
        }
        try expect("linear.float16", of: group) {
            cube($0).linear(matrix($0).cast(to: .float16))
        }
        try expect("rows", of: group) {
            input("table", [7, 3], $0).rows(at: Tensor([Int32(6), 0, 3, 3], [2, 2], device: $0))
        }
        try expect("rows.bfloat16", of: group) {
            input("table", [7, 3], $0).cast(to: .bfloat16)
                .rows(at: Tensor([Int32(1), 5], device: $0))
        }
    }

    private func convolve(
        _ name: String, _ signal: Shape, _ kernel: Shape, bias: Bool = false,
        transposed: Bool = false, _ geometry: ConvolutionGeometry
    ) throws {
        try expect(name, of: "Convolutions") { device in
            let x = input("signal", signal, device)
            let weight = input("kernel", kernel, device, scale: 1)
            let outputs = transposed ? kernel[1] * geometry.groups : kernel[0]
            let bias = bias ? input("bias", [outputs], device) : nil
            return transposed
                ? x.transposeConvolved(with: weight, bias: bias, geometry)
                : x.convolved(with: weight, bias: bias, geometry)
        }
    }

    @Test func convolves() throws {
        try convolve(
            "convolution.1d", [2, 4, 11], [6, 2, 3], bias: true,
            ConvolutionGeometry(stride: [2], padding: [3], dilation: [2], groups: 2))
        try convolve(
            "convolution.2d", [2, 3, 7, 9], [5, 3, 3, 3], bias: true,
            ConvolutionGeometry(stride: [1, 1], padding: [1, 1], dilation: [1, 1]))
        try convolve(
            "convolution.2d.strided", [1, 3, 8, 9], [4, 3, 4, 3],
            ConvolutionGeometry(stride: [2, 3], padding: [1, 0], dilation: [1, 2]))
        try convolve(
            "convolution.2d.asymmetric", [1, 4, 6, 7], [4, 4, 3, 3],
            ConvolutionGeometry(stride: [2, 2], before: [0, 0], after: [1, 1], dilation: [1, 1]))
        try convolve(
            "convolution.2d.depthwise", [1, 4, 5, 5], [4, 1, 3, 3],
            ConvolutionGeometry(stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 4))
        try convolve(
            "convolution.2d.point", [2, 4, 3, 5], [6, 4, 1, 1],
            ConvolutionGeometry(stride: [1, 1], padding: [0, 0], dilation: [1, 1]))
        try convolve(
            "convolution.3d", [1, 3, 5, 4, 4], [4, 3, 3, 1, 1], bias: true,
            ConvolutionGeometry(stride: [1, 1, 1], padding: [1, 0, 0], dilation: [1, 1, 1]))
        try convolve(
            "convolution.3d.patches", [1, 3, 4, 6, 6], [4, 3, 2, 3, 3],
            ConvolutionGeometry(stride: [2, 3, 3], padding: [0, 0, 0], dilation: [1, 1, 1]))
        try convolve(
            "transposed.1d", [2, 4, 5], [4, 3, 8], bias: true, transposed: true,
            ConvolutionGeometry(stride: [4], padding: [2], dilation: [1]))
        try convolve(
            "transposed.1d.groups", [1, 4, 6], [4, 3, 3], transposed: true,
            ConvolutionGeometry(stride: [2], padding: [1], dilation: [2], groups: 2))
        try convolve(
            "transposed.2d", [1, 2, 3, 4], [2, 3, 3, 2], transposed: true,
            ConvolutionGeometry(stride: [2, 1], padding: [1, 0], dilation: [1, 1]))
    }

    @Test func refusesAKernelLongerThanThePaddedAxis() async {
        await #expect(processExitsWith: .failure) {
            // A division that truncates would find room for one.
            _ = recipeInput("x", [1, 1, 2]).convolved(
                with: recipeInput("kernel", [1, 1, 4]),
                ConvolutionGeometry(stride: [3], padding: [0], dilation: [1]))
        }
    }

    @Test func refusesToRotateHalfAPair() async {
        await #expect(processExitsWith: .failure) {
            let angles = recipeInput("angles", [2, 1])
            _ = recipeInput("x", [1, 2, 1, 3]).rotated(cosines: angles, sines: angles)
        }
    }

    @Test func attends() throws {
        let group = "Attention and rotary embedding"
        func q(_ device: Device) -> Tensor { input("q", [2, 4, 5, 6], device) }
        func k(_ device: Device) -> Tensor { input("k", [2, 4, 7, 6], device) }
        func v(_ device: Device) -> Tensor { input("v", [2, 4, 7, 3], device) }
        try expect("attention", of: group) { attention(q($0), k($0), v($0)) }
        try expect("attention.causal", of: group) {
            attention(q($0), k($0), v($0), mask: .causal)
        }
        try expect("attention.additive", of: group) {
            attention(
                q($0), k($0), v($0), scale: 0.3,
                mask: .additive(input("mask", [2, 1, 5, 7], $0)))
        }
        try expect("attention.grouped", of: group) {
            attention(
                q($0), k($0).sliced(1, 0..<2), v($0).sliced(1, 0..<2), mask: .causal)
        }
        for (name, interleaved) in [("rotary.halves", false), ("rotary.pairs", true)] {
            try expect(name, of: group) {
                let angles = input("angles", [5, 4], $0)
                return input("z", [2, 5, 3, 8], $0).rotated(
                    cosines: angles.cos(), sines: angles.sin(), interleaved: interleaved)
            }
        }
    }

    @Test(arguments: [Device.reference, .cpu])
    func givesZerosWhereNoKeyIsVisible(_ device: Device) {
        let q = input("q", [1, 1, 2, 4], device)
        let kv = input("k", [1, 1, 3, 4], device)
        let hidden = Float.infinity
        let mask = Tensor([-hidden, -hidden, -hidden, 0, 0, 0], [1, 1, 2, 3], device: device)
        let result = attention(q, kv, kv, mask: .additive(mask)).floats()
        #expect(result[..<4].allSatisfy { $0 == 0 })
        #expect(result[4...].allSatisfy { $0.isFinite })
    }

    @Test func looksAtElementsInOtherWays() throws {
        let group = "Views and copies"
        try expect("reshape.permuted", of: group) { cube($0).permuted(2, 0, 1).reshaped(8, 3) }
        try expect("reshape.sliced", of: group) {
            cube($0).sliced(1, 1..<3).reshaped(2, 8)
        }
        try expect("concatenate", of: group) {
            let cube = cube($0)
            return Tensor.concatenate(
                [cube, cube.sliced(1, 2..<3), cube.sliced(1, 1..<2)], axis: 1)
        }
        try expect("stack", of: group) { Tensor.stack([x($0), y($0)], axis: 1) }
        try expect("padded", of: group) {
            cube($0).padded([(0, 0), (0, 1), (1, 2)], value: -7)
        }
        try expect("tiled", of: group) { x($0).tiled(2, axis: 1) }
        try expect("repeated", of: group) { x($0).repeated(3, axis: 0) }
        try expect("nearest.up", of: group) {
            input("signal", [1, 2, 3, 4], $0).resizedNearest(to: [6, 8])
        }
        try expect("nearest.odd", of: group) {
            input("signal", [1, 2, 3, 4], $0).resizedNearest(to: [5, 3])
        }
        try expect("nearest.3d", of: group) {
            input("signal", [1, 2, 2, 3, 2], $0).resizedNearest(to: [2, 6, 4])
        }
    }

    @Test(arguments: [Device.reference, .cpu]) func roundsAsPyTorchDoes(_ device: Device) throws {
        let fixture = try Fixture("operations")
        for type in [DType.bfloat16, .float16] {
            let found = fixture["edges"].on(device).cast(to: type)
            // Bit for bit, but that any NaN is a NaN.
            let (a, b) = (found.floats(), fixture["edges.\(type)"].floats())
            for (index, (a, b)) in zip(a, b).enumerated() {
                #expect(
                    a.bitPattern == b.bitPattern || (a.isNaN && b.isNaN),
                    "\(type), \(device): element \(index) is \(a), expected \(b)")
            }
        }
        for type in [DType.int64, .int32, .int16, .int8, .bool, .float64] {
            let found = fixture["whole"].on(device).cast(to: type)
            let expected = fixture["whole.\(type)"]
            #expect(found.dtype == expected.dtype)
            #expect(found.floats() == expected.floats(), "\(type), \(device)")
        }
    }
}
