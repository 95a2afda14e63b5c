/// What a device must be able to do: every operation of this library ends in one of its
/// primitives.
///
/// They are grouped in families. `Operations/<Family>.swift` holds the contract of a family's
/// primitives, the public functions over them, and their gradients; `Reference<Family>.swift`
/// and `CPU<Family>.swift` hold the plain and the fast version.
///
/// The front ends check shapes, broadcast, and convert types; a primitive may therefore assume
/// that its operands live on this backend and fit, as each comment says. Unless a comment says
/// otherwise operands may be views with any strides (zero where broadcast), real operands are
/// `float32`, and results are new dense `float32` tensors. No operand has a gradient.
package protocol Backend: Sendable, CopyPrimitives, ElementwisePrimitives, ReductionPrimitives,
    SoftmaxPrimitives, NormalizingPrimitives, IndexingPrimitives, ProductPrimitives,
    ConvolutionPrimitives, AttentionPrimitives, ResizingPrimitives, OrderingPrimitives,
    SpectraPrimitives, OptimizingPrimitives
{
    var name: String { get }

    /// Uninitialised bytes.
    func allocate(_ byteCount: Int) -> any Storage
    /// A copy of host bytes on this device.
    func upload(_ bytes: UnsafeRawBufferPointer) -> any Storage
    /// Gives `body` the bytes of a dense tensor, after everything that writes it has finished.
    func read(_ x: Tensor, _ body: (UnsafeRawBufferPointer) -> Void)
    /// Writes `x` over the elements of `destination`, a view of the same shape and type. The one
    /// mutation: only `Parameter`, `KVCache` and optimiser state may call it.
    func store(_ x: Tensor, into destination: Tensor)
}
