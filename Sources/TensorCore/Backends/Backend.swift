/// What a device must be able to do: every operation of this library ends in one of these.
///
/// The front ends in `Operations/` check shapes, broadcast, and convert types; a primitive may
/// therefore assume that its operands live on this backend and fit, as each comment says. Unless
/// a comment says otherwise operands may be views with any strides (zero where broadcast), real
/// operands are `float32`, and results are new dense `float32` tensors.
package protocol Backend: Sendable {
    var name: String { get }

    // MARK: Memory

    /// Uninitialised bytes.
    func allocate(_ byteCount: Int) -> any Storage
    /// A copy of host bytes on this device.
    func upload(_ bytes: UnsafeRawBufferPointer) -> any Storage
    /// Gives `body` the bytes of a dense tensor, after everything that writes it has finished.
    func read(_ x: Tensor, _ body: (UnsafeRawBufferPointer) -> Void)
    /// Writes `x` over the elements of `destination`, a view of the same shape and type. The one
    /// mutation: only `Parameter`, `KVCache` and optimiser state may call it.
    func store(_ x: Tensor, into destination: Tensor)

    // MARK: Copies

    /// A dense copy, any type.
    func copy(_ x: Tensor) -> Tensor
    /// A dense copy in another type: to integers truncating, to narrower floats rounding to
    /// nearest even, to `bool` as `x ≠ 0`.
    func cast(_ x: Tensor, to dtype: DType) -> Tensor
    func fill(_ shape: Shape, _ value: Double, _ dtype: DType) -> Tensor
    /// Operands agree but for `axis`; any one type.
    func concatenate(_ parts: [Tensor], axis: Int) -> Tensor
    /// `value` around `x`: `before[i]` and `after[i]` elements on axis i, none negative; any type.
    func pad(_ x: Tensor, before: [Int], after: [Int], value: Double) -> Tensor

    // MARK: Elementwise

    func unary(_ operation: UnaryOperation, _ x: Tensor) -> Tensor
    /// Both of one shape, both `float32` or both `int32` or both `int64`.
    func binary(_ operation: BinaryOperation, _ a: Tensor, _ b: Tensor) -> Tensor
    /// `value · activation(gate)`, both of one shape.
    func gated(_ activation: Activation, value: Tensor, gate: Tensor) -> Tensor

    // MARK: Rows

    /// Reduces the last axis of `x [outer, inner]` → `[outer]`. The mean of nothing is NaN, the
    /// greatest of nothing −∞, the least ∞.
    func reduce(_ reduction: Reduction, _ x: Tensor) -> Tensor
    /// The first index of the greatest value of each row: `[outer, inner]` → `int32 [outer]`.
    func argMax(_ x: Tensor) -> Tensor
    /// Softmax, or its logarithm, over the last axis of `[outer, inner]`.
    func softmax(_ x: Tensor, logarithm: Bool) -> Tensor
    /// `(x − mean) / √(variance + ε) · weight + bias` over the last axis of `[outer, inner]`;
    /// biased variance; `weight` and `bias` dense `[inner]`.
    func layerNorm(_ x: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Float) -> Tensor
    /// `x / √(mean(x²) + ε) · weight` over the last axis of `[outer, inner]`.
    func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Float) -> Tensor
    /// Group normalisation of `x [batch, channels, inner]` with statistics over the channels of
    /// a group and all of `inner`, then `activation`; `weight`, `bias` dense `[channels]`.
    func groupNorm(
        _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Float,
        activation: Activation
    ) -> Tensor
    /// Rotates `x [batch, time, heads, headSize]` by angles whose cosines and sines are dense
    /// `[time, headSize / 2]`. Half-split pairs (i, i + headSize/2); interleaved (2i, 2i + 1).
    func rotary(_ x: Tensor, cosines: Tensor, sines: Tensor, interleaved: Bool) -> Tensor

    // MARK: Products

    /// `a [batch, m, k]` times `b [batch, k, n]` → `[batch, m, n]`.
    func matmul(_ a: Tensor, _ b: Tensor) -> Tensor
    /// `activation(x · weightᵀ + bias) (+ residual)`: `x [m, k]`, `weight [n, k]` dense in
    /// `float32`, `bfloat16` or `float16`, `bias` dense `[n]`, `residual [m, n]`.
    func linear(
        _ x: Tensor, weight: Tensor, bias: Tensor?, activation: Activation, residual: Tensor?
    ) -> Tensor
    /// Rows of `table [count, width]` (dense, any floating type) as `float32`; `ids` dense
    /// `int32 [n]`, each within the table.
    func embedding(_ table: Tensor, ids: Tensor) -> Tensor
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
    /// `softmax(scale · q kᵀ + mask) v`: `q [batch, heads, m, d]`, `k [batch, kvHeads, n, d]`,
    /// `v [batch, kvHeads, n, e]` → dense `[batch, m, heads, e]` (heads innermost but one, so
    /// that merging them is a view). Query head h reads key head `h / (heads / kvHeads)`. An
    /// additive mask is a `[batch, heads, m, n]` view. A row without any visible key gives zeros.
    func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Float, mask: AttentionMask
    ) -> Tensor

    // MARK: Images

    /// `x [batch, channels, spatial…]` to `sizes`: output i reads input `⌊i · n / size⌋`.
    func resizeNearest(_ x: Tensor, to sizes: [Int]) -> Tensor
}

/// A function of one element.
package enum UnaryOperation: Sendable, Equatable {
    case negate, absolute, square, squareRoot, reciprocalSquareRoot, reciprocal
    case exponential, logarithm, sine, cosine
    case activation(Activation)
    /// `x · scale + shift`
    case affine(scale: Float, shift: Float)
    case clamp(Float, Float)
}

/// The functions between layers.
public enum Activation: Sendable, Equatable {
    case identity, relu, sigmoid, tanh
    /// `x · σ(x)`
    case silu
    /// Exact: `½ x (1 + erf(x / √2))`
    case gelu
    /// `½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))`
    case geluTanh
    /// `x · σ(1.702 x)`, as in OpenAI's CLIP
    case quickGELU
    case leakyReLU(slope: Float)
}

package enum BinaryOperation: Sendable { case add, subtract, multiply, divide, maximum, minimum }

package enum Reduction: Sendable { case sum, mean, maximum, minimum }

/// Which keys a query may see.
public enum AttentionMask: Sendable {
    case none
    /// The last query sees all keys, each one before it one fewer: `j ≤ i + keys − queries`.
    case causal
    /// Added to the scores; broadcast to `[batch, heads, queries, keys]`.
    case additive(Tensor)
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
