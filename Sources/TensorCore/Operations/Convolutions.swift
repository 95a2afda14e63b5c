// Convolutions over one to three spatial axes.

/// Convolutions.
package protocol ConvolutionPrimitives {
    /// Cross-correlation: `x [batch, in, spatial…]`, `weight [out, in / groups, kernel…]` dense in
    /// `float32`, `bfloat16` or `float16`, one to three spatial axes.
    func convolution(
        _ x: Tensor, weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry
    ) -> Tensor
    /// The transpose of `convolution`: `weight [in, out / groups, kernel…]`; output length
    /// `(n − 1)·stride − before − after + dilation·(kernel − 1) + 1`. `after` may be negative:
    /// what no input reaches gets the bias alone.
    func transposedConvolution(
        _ x: Tensor, weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry
    ) -> Tensor
    /// The gradient of a convolution's weight, `[out, in / groups, kernel…]`, from its operand
    /// `x` and the dense `gradient [batch, out, spatial'…]` of its result. `after` has no say.
    func convolutionWeightGradient(
        _ x: Tensor, gradient: Tensor, kernel: [Int], _ geometry: ConvolutionGeometry
    ) -> Tensor
}

/// Stride, padding and dilation of each spatial axis, and the channel groups.
///
/// A transposed convolution takes `before` and `after` off its result; its output padding, as
/// others call it, is a smaller `after`.
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

    /// Output lengths of a convolution of `sizes` by `kernel`; zero where the kernel is longer than
    /// the padded axis.
    package func outputSizes(_ sizes: [Int], kernel: [Int]) -> [Int] {
        sizes.indices.map { axis in
            let padded = sizes[axis] + before[axis] + after[axis]
            let rest = padded - (dilation[axis] * (kernel[axis] - 1) + 1)
            return rest < 0 ? 0 : rest / stride[axis] + 1
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

extension ConvolutionGeometry {
    /// With `after` such that a transposed convolution of `grid` by `kernel` gives `sizes`.
    fileprivate func reaching(_ sizes: [Int], from grid: [Int], kernel: [Int]) -> Self {
        var geometry = self
        geometry.after = grid.map { _ in 0 }
        let most = geometry.transposedSizes(grid, kernel: kernel)
        geometry.after = zip(most, sizes).map { $0 - $1 }
        return geometry
    }
}

extension Tensor {
    /// Cross-correlation of `[batch, in, spatial…]` with `weight [out, in / groups, kernel…]` in
    /// any floating type, and `bias [out]`.
    ///
    /// Gradients go to all three; to a weight of another type than `float32` too, as `float32`.
    public func convolved(
        with weight: Tensor, bias: Tensor? = nil, _ geometry: ConvolutionGeometry
    ) -> Tensor {
        checkConvolution("convolved", weight, geometry)
        let sizes = geometry.outputSizes(spatial, kernel: weight.spatial)
        precondition(
            shape[1] == weight.shape[1] * geometry.groups
                && weight.shape[0].isMultiple(of: geometry.groups)
                && bias.map { $0.shape == [weight.shape[0]] } ?? true
                && sizes.allSatisfy { $0 > 0 },
            "convolved: \(shape) with weight \(weight.shape), bias \(bias?.shape ?? []), \(geometry)"
        )
        let (x, w, b) = (real, weight.computable.dense(), bias?.real)
        let (image, filters) = (x.detached(), w.detached())
        // Each is kept only for the gradient of the other.
        let (imageKept, filtersKept) = (w.isTracked ? image : nil, x.isTracked ? filters : nil)
        let hasBias = b?.isTracked ?? false
        let (spatial, kernel) = (spatial, weight.spatial)
        return backend.convolution(
            image, weight: filters, bias: b?.detached().dense(), geometry
        ).recorded(from: [x, w, b]) { gradient in
            let backend = gradient.backend
            return [
                filtersKept.map {
                    backend.transposedConvolution(
                        gradient, weight: $0, bias: nil,
                        geometry.reaching(spatial, from: gradient.spatial, kernel: kernel))
                },
                imageKept.map {
                    backend.convolutionWeightGradient(
                        $0, gradient: gradient, kernel: kernel, geometry)
                },
                hasBias ? gradient.channelSums : nil,
            ]
        }
    }

    /// Transposed convolution of `[batch, in, spatial…]` with `weight [in, out / groups, kernel…]`
    /// in any floating type, and `bias [out]`. Output lengths are
    /// `(n − 1)·stride − before − after + dilation·(kernel − 1) + 1`.
    public func transposeConvolved(
        with weight: Tensor, bias: Tensor? = nil, _ geometry: ConvolutionGeometry
    ) -> Tensor {
        checkConvolution("transposeConvolved", weight, geometry)
        let sizes = geometry.transposedSizes(spatial, kernel: weight.spatial)
        precondition(
            shape[1] == weight.shape[0] && shape[1].isMultiple(of: geometry.groups)
                && bias.map { $0.shape == [weight.shape[1] * geometry.groups] } ?? true
                && sizes.allSatisfy { $0 > 0 },
            "transposeConvolved: \(shape) with weight \(weight.shape), "
                + "bias \(bias?.shape ?? []), \(geometry)")
        let (x, w, b) = (real, weight.computable.dense(), bias?.real)
        let (grid, filters) = (x.detached(), w.detached())
        let (gridKept, filtersKept) = (w.isTracked ? grid : nil, x.isTracked ? filters : nil)
        let hasBias = b?.isTracked ?? false
        let kernel = weight.spatial
        return backend.transposedConvolution(
            grid, weight: filters, bias: b?.detached().dense(), geometry
        ).recorded(from: [x, w, b]) { gradient in
            let backend = gradient.backend
            return [
                filtersKept.map {
                    backend.convolution(gradient, weight: $0, bias: nil, geometry)
                },
                gridKept.map {
                    backend.convolutionWeightGradient(
                        gradient, gradient: $0.dense(), kernel: kernel, geometry)
                },
                hasBias ? gradient.channelSums : nil,
            ]
        }
    }

    private func checkConvolution(
        _ name: String, _ weight: Tensor, _ geometry: ConvolutionGeometry
    ) {
        precondition(
            rank == weight.rank && (3...5).contains(rank) && geometry.groups > 0
                && geometry.stride.count == rank - 2 && geometry.before.count == rank - 2
                && geometry.after.count == rank - 2 && geometry.dilation.count == rank - 2,
            "\(name): \(shape) with weight \(weight.shape), \(geometry)")
    }

    /// The lengths of the axes after batch and channels, or after a weight's two channels.
    private var spatial: [Int] { Array(shape[2...]) }

    /// The sum of each channel of this dense `[batch, channels, spatial…]`.
    private var channelSums: Tensor {
        let sums = backend.reduce(.sum, reshaped([shape[0] * shape[1], spatial.elementCount]))
        return backend.reduce(.sum, sums.reshaped([shape[0], shape[1]]).transposed())
    }
}
