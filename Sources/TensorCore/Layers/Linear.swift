/// An affine map, `y = x · weightᵀ + bias`, with an optional low-rank adapter.
///
/// - Shapes: `[..., inputs]` → `[..., outputs]`
/// - Checkpoint: `weight [outputs, inputs]`, `bias [outputs]`; where the view extends it, the last
///   outputs' rows are `added_rows`
public struct Linear: Sendable {
    let weight: Parameter
    let bias: Parameter?
    let adapter: LoRA?
    /// Rows after those of the weight that are a parameter of their own.
    let added: Parameter?

    /// Reads or draws the weights.
    ///
    /// - Throws: `CheckpointError` where the file disagrees
    public init(_ inputs: Int, _ outputs: Int, bias: Bool = true, from weights: Weights) throws {
        let rows = weights.addedRows
        weight = try weights.parameter(
            "weight", [outputs - rows, inputs], initial: .kaimingUniform)
        added =
            rows > 0
            ? try weights.parameter("added_rows", [rows, inputs], initial: .kaimingUniform) : nil
        self.bias =
            bias
            ? try weights.parameter("bias", [outputs], initial: .uniformByFan(inputs)) : nil
        adapter = try LoRA(inputs, outputs, from: weights)
    }

    /// A map whose matrix goes by another name, or is shared with another layer.
    public init(weight: Parameter, added: Parameter? = nil, bias: Parameter? = nil) {
        self.weight = weight
        self.added = added
        self.bias = bias
        adapter = nil
    }

    /// Applies the map, an activation, and adds a residual, in one pass where the backend can.
    ///
    /// - Parameter dropout: of the adapter's input, while training
    public func callAsFunction(
        _ x: Tensor, activation: Activation = .identity, residual: Tensor? = nil,
        dropout: Dropout? = nil
    ) -> Tensor {
        if adapter == nil, added == nil {
            return x.linear(
                weight.value, bias: bias?.value, activation: activation, residual: residual)
        }
        var y: Tensor
        if let added {
            y = .concatenate([x.linear(weight.value), x.linear(added.value)], axis: -1)
            if let bias { y = y + bias.value }
            if let adapter { y = y + adapter(x, dropout: dropout) }
        } else {
            let addition = adapter.map { $0(x, dropout: dropout) }
            y = x.linear(weight.value, bias: bias?.value, residual: addition)
        }
        y = y.activated(activation)
        return residual.map { y + $0 } ?? y
    }
}
