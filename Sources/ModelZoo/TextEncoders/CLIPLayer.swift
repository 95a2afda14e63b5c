import TensorCore

/// One block of either of CLIP's towers: attention and two linear maps, each after its norm.
///
/// - Shapes: `[batch, time, width]` → the same
/// - Checkpoint: `layer_norm1 self_attn.{q,k,v,out}_proj layer_norm2 mlp.fc1 mlp.fc2`
struct CLIPLayer: Sendable {
    let norm1, norm2: LayerNorm
    let query, key, value, output: Linear
    let expand, contract: Linear
    let heads: Int
    let activation: Activation

    init(
        _ width: Int, _ inner: Int, heads: Int, activation: String, epsilon: Float,
        from weights: Weights
    ) throws {
        let (attention, mlp) = (weights["self_attn"], weights["mlp"])
        norm1 = try LayerNorm(width, epsilon: epsilon, from: weights["layer_norm1"])
        norm2 = try LayerNorm(width, epsilon: epsilon, from: weights["layer_norm2"])
        query = try Linear(width, width, from: attention["q_proj"])
        key = try Linear(width, width, from: attention["k_proj"])
        value = try Linear(width, width, from: attention["v_proj"])
        output = try Linear(width, width, from: attention["out_proj"])
        expand = try Linear(width, inner, from: mlp["fc1"])
        contract = try Linear(inner, width, from: mlp["fc2"])
        self.heads = try checkedHeads(heads, dividing: width, "CLIP text encoder")
        self.activation = try namedActivation(activation, "CLIP text encoder")
    }

    /// Text sees what came before it, pictures see all of themselves.
    func callAsFunction(_ x: Tensor, mask: AttentionMask) -> Tensor {
        let normed = norm1(x)
        let attended = attention(
            query(normed).splitHeads(heads), key(normed).splitHeads(heads),
            value(normed).splitHeads(heads), mask: mask)
        let h = output(attended, residual: x)
        return contract(expand(norm2(h), activation: activation), residual: h)
    }
}
