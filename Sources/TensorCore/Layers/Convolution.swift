/// A convolution over one, two or three spatial axes, as many as `kernel` has lengths.
///
/// - Shapes: `[batch, inputs, spatial...]` → `[batch, outputs, spatial'...]`
/// - Checkpoint: `weight [outputs, inputs / groups, kernel...]`, `bias [outputs]`
public struct Convolution: Sendable {
    let weight: Filters
    let bias: Parameter?
    let geometry: ConvolutionGeometry

    /// Reads or draws the filters. `stride` and `dilation` default to one, `padding` to zero.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: [Int], stride: [Int]? = nil, padding: [Int]? = nil,
        dilation: [Int]? = nil, groups: Int = 1, bias: Bool = true, from weights: Weights
    ) throws {
        let ones = kernel.map { _ in 1 }
        try self.init(
            inputs, outputs, kernel: kernel,
            ConvolutionGeometry(
                stride: stride ?? ones, padding: padding ?? kernel.map { _ in 0 },
                dilation: dilation ?? ones, groups: groups), bias: bias, from: weights)
    }

    /// Reads or draws the filters, with padding that may differ between the sides.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: [Int], _ geometry: ConvolutionGeometry,
        bias: Bool = true, from weights: Weights
    ) throws {
        let fan = inputs / geometry.groups * kernel.elementCount
        weight = try Filters([outputs, inputs / geometry.groups] + kernel, from: weights)
        self.bias =
            bias ? try weights.parameter("bias", [outputs], initial: .uniformByFan(fan)) : nil
        self.geometry = geometry
    }

    /// Slides the filters over `x`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        x.convolved(with: weight.value, bias: bias?.value, geometry)
    }
}

/// A transposed convolution over one or two spatial axes.
///
/// - Shapes: `[batch, inputs, n]` → `[batch, outputs, (n − 1)·stride − 2·padding + kernel]`
/// - Checkpoint: `weight [inputs, outputs, kernel...]`, `bias [outputs]`
public struct TransposedConvolution: Sendable {
    let weight: Filters
    let bias: Parameter?
    let geometry: ConvolutionGeometry

    /// Reads or draws the filters.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: [Int], stride: [Int], padding: [Int],
        bias: Bool = true, from weights: Weights
    ) throws {
        weight = try Filters([inputs, outputs] + kernel, from: weights)
        self.bias =
            bias
            ? try weights.parameter(
                "bias", [outputs], initial: .uniformByFan(outputs * kernel.elementCount)) : nil
        geometry = ConvolutionGeometry(
            stride: stride, padding: padding, dilation: kernel.map { _ in 1 })
    }

    /// Spreads `x` through the filters.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        x.transposeConvolved(with: weight.value, bias: bias?.value, geometry)
    }
}
