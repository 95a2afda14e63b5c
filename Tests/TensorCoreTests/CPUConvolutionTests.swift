import TensorCore
import TestSupport
import Testing

private struct Case: Sendable, CustomStringConvertible {
    var x: Shape
    var outputs: Int
    var kernel: [Int]
    var stride: [Int]
    var before: [Int]
    var after: [Int]
    var dilation: [Int]
    var groups = 1

    init(
        _ x: Shape, _ outputs: Int, _ kernel: [Int], stride: Int = 1, before: Int = 0,
        after: Int? = nil, dilation: Int = 1, groups: Int = 1
    ) {
        let axes = kernel.count
        (self.x, self.outputs, self.kernel, self.groups) = (x, outputs, kernel, groups)
        self.stride = [Int](repeating: stride, count: axes)
        self.before = kernel.map { $0 == 1 ? 0 : before }
        self.after = kernel.map { $0 == 1 ? 0 : after ?? before }
        self.dilation = [Int](repeating: dilation, count: axes)
    }

    var geometry: ConvolutionGeometry {
        ConvolutionGeometry(
            stride: stride, before: before, after: after, dilation: dilation, groups: groups)
    }
    var description: String { "\(x) → \(outputs), \(kernel), \(geometry)" }
}

@Suite struct CPUConvolutionTests {
    @Test(arguments: [DType.float32, .bfloat16, .float16])
    func convolves(_ dtype: DType) {
        for c in [
            Case([2, 3, 10], 4, [3], before: 1), Case([1, 5, 70], 6, [7], before: 9, dilation: 3),
            Case([2, 4, 9, 11], 6, [3, 3], before: 1), Case([1, 6, 8, 8], 4, [1, 1]),
            Case([2, 40, 30, 31], 20, [1, 1]), Case([1, 3, 28, 28], 8, [14, 14], stride: 14),
            Case([1, 4, 9, 9], 4, [3, 3], stride: 2, before: 0, after: 1),
            Case([2, 50, 25, 26], 33, [3, 3], before: 1), Case([1, 4, 10, 10], 400, [1, 1]),
            Case([1, 6, 7, 7], 9, [3, 3], before: 1, groups: 3),
            Case([2, 6, 40], 6, [5], before: 2, groups: 6),
            Case([1, 4, 9, 9], 2, [1, 1], stride: 2),
            Case([1, 3, 5, 6, 7], 4, [3, 1, 1], before: 1),
            Case([2, 3, 4, 20, 20], 5, [2, 14, 14], stride: 2),
            Case([1, 2, 5, 6, 7], 3, [3, 3, 3], before: 2, dilation: 2),
            Case([0, 3, 8], 4, [3], before: 1), Case([1, 2, 4], 3, [3], before: 20),
            // Winograd: rows of tiles cut and whole, several blocks of channels and tiles.
            Case([1, 16, 4, 4], 16, [3, 3], before: 1),
            Case([3, 67, 5, 3], 66, [3, 3], before: 1),
            Case([1, 17, 16, 67], 33, [3, 3], before: 1, after: 0),
            Case([1, 130, 8, 8], 140, [3, 3], before: 2), Case([2, 20, 3, 3], 20, [3, 3]),
            Case([1, 18, 6, 7], 20, [3, 3], before: 5),
            Case([1, 40, 9, 9], 36, [3, 3], groups: 2),
            Case([0, 32, 8, 8], 32, [3, 3], before: 1), Case([1, 20, 3, 8, 8], 24, [1, 3, 3]),
            // Deep kernels, and more than one step of depth.
            Case([1, 1, 600], 5, [300], stride: 7), Case([1, 300, 40], 14, [1]),
            Case([1, 70, 7, 8], 13, [2, 2], stride: 2),
            Case(
                [1, 40, 200], 30, [11], before: 25,
                dilation: 5),
        ] {
            for turned in [false, true] {
                expectAgreement("\(c) \(dtype) \(turned)") { device in
                    var x = numbers("x", c.x, on: device)
                    if turned { x = x.transposed(1, -1).dense().transposed(1, -1) }
                    let weight = numbers(
                        "w", [c.outputs, c.x[1] / c.groups] + c.kernel, on: device, dtype)
                    return x.convolved(
                        with: weight, bias: turned ? nil : numbers("b", [c.outputs], on: device),
                        c.geometry)
                }
            }
        }
    }

    @Test(arguments: [DType.float32, .bfloat16, .float16])
    func convolvesBackwards(_ dtype: DType) {
        for c in [
            Case([2, 3, 10], 4, [4], stride: 2, before: 1),
            Case([1, 8, 70], 6, [16], stride: 8, before: 4),
            Case([1, 5, 600], 3, [11], stride: 5, before: 3),
            Case([1, 4, 7, 9], 6, [3, 3], stride: 2),
            Case([2, 4, 5, 6], 4, [4, 4], stride: 2, before: 1, groups: 2),
            Case([1, 3, 6, 6], 2, [3, 3], before: 1, after: 0, dilation: 2),
            Case([1, 400, 9], 40, [3]), Case([1, 6, 9, 9], 5, [5, 5], stride: 3, before: 1),
            Case([1, 3, 5], 4, [2], stride: 5, after: -3), Case([0, 4, 7], 6, [3], stride: 2),
            Case([2, 2, 3, 4, 5], 3, [3, 2, 2], stride: 2, before: 1),
            Case([1, 24, 9, 10], 20, [3, 3], before: 1),
            Case([2, 66, 7, 5], 70, [3, 3], before: 0, after: -1),
        ] {
            for turned in [false, true] {
                expectAgreement("\(c) \(dtype) \(turned)") { device in
                    var x = numbers("x", c.x, on: device)
                    if turned { x = x.transposed(1, -1).dense().transposed(1, -1) }
                    let weight = numbers(
                        "w", [c.x[1], c.outputs / c.groups] + c.kernel, on: device, dtype)
                    return x.transposeConvolved(
                        with: weight, bias: turned ? nil : numbers("b", [c.outputs], on: device),
                        c.geometry)
                }
            }
        }
    }

    @Test func findsWeightGradients() {
        for c in [
            Case([2, 3, 10], 4, [3], before: 1), Case([1, 5, 700], 6, [7], before: 9, dilation: 3),
            Case([2, 4, 9, 11], 6, [3, 3], before: 1), Case([3, 70, 13, 12], 130, [1, 1]),
            Case([1, 3, 28, 28], 8, [14, 14], stride: 14),
            Case([2, 20, 9, 9], 7, [3, 3], stride: 2),
            Case([1, 6, 7, 7], 9, [3, 3], before: 1, groups: 3),
            Case([2, 6, 40], 6, [5], before: 2, groups: 6), Case([0, 3, 8], 4, [3], before: 1),
            Case([1, 3, 5, 6, 7], 4, [3, 1, 1], before: 1), Case([1, 2, 70, 130], 3, [3, 3]),
            Case([5, 30, 8, 8], 40, [3, 3], before: 1), Case([1, 1, 600], 5, [300], stride: 7),
        ] {
            for turned in [false, true] {
                expectAgreement("\(c) \(turned)") { device in
                    var x = numbers("x", c.x, on: device)
                    if turned { x = x.transposed(1, -1).dense().transposed(1, -1) }
                    let sizes = c.geometry.outputSizes(Array(c.x[2...]), kernel: c.kernel)
                    let gradient = numbers("g", [c.x[0], c.outputs] + sizes, on: device)
                    return device.backend.convolutionWeightGradient(
                        x, gradient: gradient, kernel: c.kernel, c.geometry)
                }
            }
        }
    }
}
