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

/// A transposed convolution over one, two or three spatial axes.
///
/// - Shapes: `[batch, inputs, n]` → `[batch, outputs, (n − 1)·stride − 2·padding
///   + dilation·(kernel − 1) + outputPadding + 1]`
/// - Checkpoint: `weight [inputs, outputs / groups, kernel...]`, `bias [outputs]`
public struct TransposedConvolution: Sendable {
    let weight: Filters
    let bias: Parameter?
    let geometry: ConvolutionGeometry

    /// Reads or draws the filters. `dilation` defaults to one, `outputPadding` to zero.
    ///
    /// - Parameter outputPadding: how much longer each axis of the result is, at its end; less than
    ///   the stride or the dilation there
    public init(
        _ inputs: Int, _ outputs: Int, kernel: [Int], stride: [Int], padding: [Int],
        outputPadding: [Int]? = nil, dilation: [Int]? = nil, groups: Int = 1, bias: Bool = true,
        from weights: Weights
    ) throws {
        let dilation = dilation ?? kernel.map { _ in 1 }
        let longer = outputPadding ?? kernel.map { _ in 0 }
        precondition(
            longer.count == kernel.count
                && longer.indices.allSatisfy {
                    (0..<max(stride[$0], dilation[$0])).contains(longer[$0])
                },
            "TransposedConvolution: output padding \(longer), stride \(stride), dilation \(dilation)"
        )
        let shape = [inputs, outputs / groups] + kernel
        weight = try Filters(shape, from: weights)
        self.bias =
            bias
            ? try weights.parameter(
                "bias", [outputs], initial: .uniformByFan(shape.dropFirst().reduce(1, *))) : nil
        geometry = ConvolutionGeometry(
            stride: stride, before: padding, after: zip(padding, longer).map { $0 - $1 },
            dilation: dilation, groups: groups)
    }

    /// Spreads `x` through the filters.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        x.transposeConvolved(with: weight.value, bias: bias?.value, geometry)
    }
}
