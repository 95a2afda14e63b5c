struct CPUBackend: Backend {
    let name = "cpu"
    static let shared = CPUBackend()
    func allocate(_ byteCount: Int) -> any Storage { fatalError() }
    func upload(_ bytes: UnsafeRawBufferPointer) -> any Storage { fatalError() }
    func read(_ x: Tensor, _ body: (UnsafeRawBufferPointer) -> Void) { fatalError() }
    func store(_ x: Tensor, into destination: Tensor) { fatalError() }
    func copy(_ x: Tensor) -> Tensor { fatalError() }
    func cast(_ x: Tensor, to dtype: DType) -> Tensor { fatalError() }
    func fill(_ shape: Shape, _ value: Double, _ dtype: DType) -> Tensor { fatalError() }
    func concatenate(_ parts: [Tensor], axis: Int) -> Tensor { fatalError() }
    func pad(_ x: Tensor, before: [Int], after: [Int], value: Double) -> Tensor { fatalError() }
    func unary(_ operation: UnaryOperation, _ x: Tensor) -> Tensor { fatalError() }
    func binary(_ operation: BinaryOperation, _ a: Tensor, _ b: Tensor) -> Tensor { fatalError() }
    func gated(_ activation: Activation, value: Tensor, gate: Tensor) -> Tensor { fatalError() }
    func reduce(_ reduction: Reduction, _ x: Tensor) -> Tensor { fatalError() }
    func argMax(_ x: Tensor) -> Tensor { fatalError() }
    func softmax(_ x: Tensor, logarithm: Bool) -> Tensor { fatalError() }
    func layerNorm(_ x: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Float) -> Tensor {
        fatalError()
    }
    func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Float) -> Tensor { fatalError() }
    func groupNorm(
        _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Float,
        activation: Activation
    ) -> Tensor { fatalError() }
    func rotary(_ x: Tensor, cosines: Tensor, sines: Tensor, interleaved: Bool) -> Tensor {
        fatalError()
    }
    func matmul(_ a: Tensor, _ b: Tensor) -> Tensor { fatalError() }
    func linear(
        _ x: Tensor, weight: Tensor, bias: Tensor?, activation: Activation, residual: Tensor?
    ) -> Tensor { fatalError() }
    func embedding(_ table: Tensor, ids: Tensor) -> Tensor { fatalError() }
    func convolution(
        _ x: Tensor, weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry
    ) -> Tensor { fatalError() }
    func transposedConvolution(
        _ x: Tensor, weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry
    ) -> Tensor { fatalError() }
    func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Float, mask: AttentionMask
    ) -> Tensor { fatalError() }
    func resizeNearest(_ x: Tensor, to sizes: [Int]) -> Tensor { fatalError() }
}
