// Attention with heads, and rotary positions.

/// Attention and rotary embedding.
package protocol AttentionPrimitives {
    /// `softmax(scale · q kᵀ + mask) v`: `q [batch, heads, m, d]`, `k [batch, kvHeads, n, d]`,
    /// `v [batch, kvHeads, n, e]` → dense `[batch, m, heads, e]` (heads innermost but one, so
    /// that merging them is a view). Query head h reads key head `h / (heads / kvHeads)`. An
    /// additive mask is a `[batch, heads, m, n]` view. A row without any visible key gives zeros.
    func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Float, mask: AttentionMask
    ) -> Tensor
    /// Rotates `x [batch, time, heads, headSize]` by angles whose cosines and sines are dense
    /// `[time, headSize / 2]`. Half-split pairs (i, i + headSize/2); interleaved (2i, 2i + 1).
    func rotary(_ x: Tensor, cosines: Tensor, sines: Tensor, interleaved: Bool) -> Tensor
}

/// Which keys a query may see.
public enum AttentionMask: Sendable {
    case none
    /// The last query sees all keys, each one before it one fewer: `j ≤ i + keys − queries`.
    case causal
    /// Added to the scores; broadcast to `[batch, heads, queries, keys]`.
    case additive(Tensor)
}

/// Scaled dot-product attention with heads.
///
/// - Shapes: `queries [batch, heads, m, d]`, `keys [batch, kvHeads, n, d]`,
///   `values [batch, kvHeads, n, e]` → `[batch, m, heads · e]`, heads merged
/// - Parameter scale: multiplies the scores; nil is `1 / √d`
public func attention(
    _ queries: Tensor, _ keys: Tensor, _ values: Tensor, scale: Float? = nil,
    mask: AttentionMask = .none
) -> Tensor {
    let (q, k, v) = (queries.shape, keys.shape, values.shape)
    precondition(
        q.count == 4 && k.count == 4 && v.count == 4 && q[0] == k[0] && k[0] == v[0]
            && k[1] == v[1] && q[1] % k[1] == 0 && k[2] == v[2] && q[3] == k[3],
        "attention: queries \(q), keys \(k), values \(v)")
    var mask = mask
    if case .additive(let scores) = mask {
        mask = .additive(scores.real.broadcast(to: [q[0], q[1], q[2], k[2]]))
    }
    let result = queries.device.backend.attention(
        queries.real, keys.real, values.real, scale: scale ?? 1 / Float(q[3]).squareRoot(),
        mask: mask)
    return result.reshaped([q[0], q[2], q[1] * v[3]])
}

extension Tensor {
    /// Rotary position embedding of `[batch, time, heads, headSize]`; `cosines` and `sines` are
    /// `[time, headSize / 2]`.
    ///
    /// - Parameter interleaved: pairs are (2i, 2i + 1), as in Meta's files; otherwise
    ///   (i, i + headSize / 2), as in Hugging Face's
    public func rotated(cosines: Tensor, sines: Tensor, interleaved: Bool = false) -> Tensor {
        precondition(
            rank == 4 && cosines.shape == [shape[1], shape[3] / 2] && sines.shape == cosines.shape,
            "rotated: \(shape) by angles \(cosines.shape)")
        return backend.rotary(
            real, cosines: cosines.real.dense(), sines: sines.real.dense(),
            interleaved: interleaved)
    }
}
