// Convolutions over one to three spatial axes.

/// Convolutions.
package protocol ConvolutionPrimitives {
    /// Cross-correlation: `x [batch, in, spatial…]`, `weight [out, in / groups, kernel…]` dense in
    /// `float32`, `bfloat16` or `float16`, one to three spatial axes.
    func convolution(
        _ x: Tensor, weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry
    ) -> Tensor
    /// The transpose of `convolution`, one or two spatial axes: `weight [in, out / groups,
    /// kernel…]`; output length `(n − 1)·stride − before − after + dilation·(kernel − 1) + 1`.
    func transposedConvolution(
        _ x: Tensor, weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry
    ) -> Tensor
}

/// Stride, padding and dilation of each spatial axis, and the channel groups.
public struct ConvolutionGeometry: Sendable, Equatable {
    public var stride: [Int]
    public var before: [Int]
    public var after: [Int]
    public var dilation: [Int]
    public var groups: Int

    /// The same padding on both sides of an axis.
    public init(stride: [Int], padding: [Int], dilation: [Int], groups: Int = 1) {
        self.init(
            stride: stride, before: padding, after: padding, dilation: dilation, groups: groups)
    }

    /// Padding that differs between the sides, as in the downsampler of a VAE's encoder.
    public init(stride: [Int], before: [Int], after: [Int], dilation: [Int], groups: Int = 1) {
        self.stride = stride
        self.before = before
        self.after = after
        self.dilation = dilation
        self.groups = groups
    }

    /// Output lengths of a convolution of `sizes` by `kernel`.
    package func outputSizes(_ sizes: [Int], kernel: [Int]) -> [Int] {
        sizes.indices.map { axis in
            let padded = sizes[axis] + before[axis] + after[axis]
            return (padded - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis] + 1
        }
    }

    /// Output lengths of a transposed convolution.
    package func transposedSizes(_ sizes: [Int], kernel: [Int]) -> [Int] {
        sizes.indices.map { axis in
            (sizes[axis] - 1) * stride[axis] - before[axis] - after[axis]
                + dilation[axis] * (kernel[axis] - 1) + 1
        }
    }
}

extension Tensor {
    /// Cross-correlation of `[batch, in, spatial…]` with `weight [out, in / groups, kernel…]`.
    public func convolved(
        with weight: Tensor, bias: Tensor? = nil, _ geometry: ConvolutionGeometry
    ) -> Tensor {
        checkConvolution("convolved", weight, geometry, inputs: weight.shape[1] * geometry.groups)
        return backend.convolution(
            real, weight: weight.computable.dense(), bias: bias?.real.dense(), geometry)
    }

    /// Transposed convolution of `[batch, in, spatial…]` with `weight [in, out / groups, kernel…]`.
    public func transposeConvolved(
        with weight: Tensor, bias: Tensor? = nil, _ geometry: ConvolutionGeometry
    ) -> Tensor {
        checkConvolution("transposeConvolved", weight, geometry, inputs: weight.shape[0])
        return backend.transposedConvolution(
            real, weight: weight.computable.dense(), bias: bias?.real.dense(), geometry)
    }

    private func checkConvolution(
        _ name: String, _ weight: Tensor, _ geometry: ConvolutionGeometry, inputs: Int
    ) {
        precondition(
            rank == weight.rank && (3...5).contains(rank) && shape[1] == inputs
                && geometry.stride.count == rank - 2 && geometry.before.count == rank - 2
                && geometry.after.count == rank - 2 && geometry.dilation.count == rank - 2,
            "\(name): \(shape) with weight \(weight.shape), \(geometry)")
    }
}
