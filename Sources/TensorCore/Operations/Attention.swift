// Attention with heads, and rotary positions.

/// Attention and rotary embedding.
package protocol AttentionPrimitives {
    /// `softmax(scale · q kᵀ + mask) v`: `q [batch, heads, m, d]`, `k [batch, kvHeads, n, d]`,
    /// `v [batch, kvHeads, n, e]` → dense `[batch, m, heads, e]` (heads innermost but one, so
    /// that merging them is a view). Query head h reads key head `h / (heads / kvHeads)`. An
    /// additive mask is a `[batch, heads, m, n]` view. A row without any visible key gives zeros.
    func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Float, mask: AttentionMask, extra: ExtraKey?
    ) -> (y: Tensor, logSums: Tensor)
    /// The gradients of `attention` from its results and the gradient of the first, of its shape.
    /// Score tiles are computed once more; no matrix of them is stored.
    ///
    /// - Parameter maskWanted: whether an additive mask has a gradient too
    func attentionGradient(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Float, mask: AttentionMask,
        extra: ExtraKey?, y: Tensor, logSums: Tensor, gradient: Tensor, maskWanted: Bool
    ) -> AttentionGradients
    /// Rotates `x [batch, time, heads, headSize]` by angles whose cosines and sines are dense
    /// `[time, headSize / 2]`. Half-split pairs (i, i + headSize/2); interleaved (2i, 2i + 1).
    func rotary(_ x: Tensor, cosines: Tensor, sines: Tensor, interleaved: Bool) -> Tensor
}

/// One key and value after those of every sample, which every query sees: dense `[kvHeads, d]` and
/// `[kvHeads, e]`.
package struct ExtraKey: Sendable {
    package var key: Tensor
    package var value: Tensor
}

/// The gradients of an attention's operands, in their shapes.
package struct AttentionGradients {
    package var q: Tensor
    package var k: Tensor
    package var v: Tensor
    package var mask: Tensor?
    package var extra: ExtraKey?
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
/// - Parameter bias: a learnt key and value, `[kvHeads, d]` and `[kvHeads, e]`, that every query of
///   every sample sees after the others, whatever the mask
public func attention(
    _ queries: Tensor, _ keys: Tensor, _ values: Tensor, scale: Float? = nil,
    mask: AttentionMask = .none, bias: (key: Tensor, value: Tensor)? = nil
) -> Tensor {
    let (q, k, v) = (queries.shape, keys.shape, values.shape)
    precondition(
        q.count == 4 && k.count == 4 && v.count == 4 && q[0] == k[0] && k[0] == v[0]
            && k[1] == v[1] && q[1] % k[1] == 0 && k[2] == v[2] && q[3] == k[3],
        "attention: queries \(q), keys \(k), values \(v)")
    precondition(
        bias.map { $0.key.shape == [k[1], k[3]] && $0.value.shape == [v[1], v[3]] } ?? true,
        "attention: keys \(k), values \(v), bias \(bias?.key.shape ?? []) and "
            + "\(bias?.value.shape ?? [])")
    var (visible, scores) = (mask, Tensor?.none)
    if case .additive(let added) = mask {
        let broadcast = added.real.broadcast(to: [q[0], q[1], q[2], k[2]])
        (visible, scores) = (.additive(broadcast.detached()), broadcast)
    }
    let operands = [queries.real, keys.real, values.real]
    let (a, b, c) = (operands[0].detached(), operands[1].detached(), operands[2].detached())
    let (biasKey, biasValue) = (bias?.key.real, bias?.value.real)
    let extra: ExtraKey? =
        if let biasKey, let biasValue {
            ExtraKey(key: biasKey.detached().dense(), value: biasValue.detached().dense())
        } else { nil }
    let factor = scale ?? 1 / Float(q[3]).squareRoot()
    let (y, logSums) = queries.device.backend.attention(
        a, b, c, scale: factor, mask: visible, extra: extra)
    let (seen, maskWanted) = (visible, scores?.isTracked ?? false)
    return y.recorded(from: operands + [scores, biasKey, biasValue]) { gradient in
        let found = gradient.backend.attentionGradient(
            a, b, c, scale: factor, mask: seen, extra: extra, y: y, logSums: logSums,
            gradient: gradient, maskWanted: maskWanted)
        return [found.q, found.k, found.v, found.mask, found.extra?.key, found.extra?.value]
    }.reshaped([q[0], q[2], q[1] * v[3]])
}

extension Tensor {
    /// Rotary position embedding of `[batch, time, heads, headSize]`; `cosines` and `sines` are
    /// `[time, headSize / 2]` and constants.
    ///
    /// - Parameter interleaved: pairs are (2i, 2i + 1), as in Meta's files; otherwise
    ///   (i, i + headSize / 2), as in Hugging Face's
    public func rotated(cosines: Tensor, sines: Tensor, interleaved: Bool = false) -> Tensor {
        precondition(
            rank == 4 && shape[3].isMultiple(of: 2) && cosines.shape == [shape[1], shape[3] / 2]
                && sines.shape == cosines.shape,
            "rotated: \(shape) by angles \(cosines.shape)")
        let (x, c, s) = (real, cosines.detached().real.dense(), sines.detached().real.dense())
        return backend.rotary(x.detached(), cosines: c, sines: s, interleaved: interleaved)
            .recorded(from: x) {
                // Turned back.
                $0.backend.rotary($0, cosines: c, sines: -s, interleaved: interleaved)
            }
    }
}
