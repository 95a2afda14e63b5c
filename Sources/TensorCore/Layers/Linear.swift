/// An affine map, `y = x · weightᵀ + bias`, with an optional low-rank adapter.
///
/// - Shapes: `[..., inputs]` → `[..., outputs]`
/// - Checkpoint: `weight [outputs, inputs]`, `bias [outputs]`
public struct Linear: Sendable {
    let weight: Parameter
    let bias: Parameter?
    let adapter: LoRA?

    /// Reads or draws the weights.
    ///
    /// - Throws: `CheckpointError` where the file disagrees
    public init(_ inputs: Int, _ outputs: Int, bias: Bool = true, from weights: Weights) throws {
        weight = try weights.parameter("weight", [outputs, inputs], initial: .kaimingUniform)
        self.bias =
            bias
            ? try weights.parameter("bias", [outputs], initial: .uniformByFan(inputs)) : nil
        adapter = try LoRA(inputs, outputs, from: weights)
    }

    /// A map whose matrix goes by another name, or is shared with another layer.
    public init(weight: Parameter, bias: Parameter? = nil) {
        self.weight = weight
        self.bias = bias
        adapter = nil
    }

    /// Applies the map, an activation, and adds a residual, in one pass where the backend can.
    public func callAsFunction(
        _ x: Tensor, activation: Activation = .identity, residual: Tensor? = nil
    ) -> Tensor {
        guard let adapter else {
            return x.linear(
                weight.value, bias: bias?.value, activation: activation, residual: residual)
        }
        let y = x.linear(weight.value, bias: bias?.value, residual: adapter(x))
            .activated(activation)
        return residual.map { y + $0 } ?? y
    }
}
