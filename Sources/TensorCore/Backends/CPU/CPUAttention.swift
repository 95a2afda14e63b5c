internal import CSouthKernels

extension CPUBackend {
    /// Queries, keys or values `[batch, heads, positions, size]` with adjacent, separate vectors.
    private func heads(_ x: Tensor) -> Tensor {
        let x = x.withAdjacentLastAxis
        return x.shape[2] > 1 && x.strides[2] < x.shape[3] ? copy(x) : x
    }

    func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Float, mask: AttentionMask
    ) -> Tensor {
        let (q, k, v) = (heads(q), heads(k), heads(v))
        let y = empty([q.shape[0], q.shape[2], q.shape[1], v.shape[3]])
        var plan = south_attention_shape()
        (plan.batch, plan.heads, plan.key_heads) = (q.shape[0], q.shape[1], k.shape[1])
        (plan.queries, plan.keys) = (q.shape[2], k.shape[2])
        (plan.size, plan.value_size) = (q.shape[3], v.shape[3])
        plan.q_strides = steps(q)
        plan.k_strides = steps(k)
        plan.v_strides = steps(v)
        plan.scale = scale
        var scores: Tensor?
        switch mask {
        case .none: break
        case .causal: plan.causal = 1
        case .additive(let added):
            scores = added
            let s = added.strides
            plan.mask_strides = (s[0], s[1], s[2], s[3])
        }
        withExtendedLifetime((q, k, v, scores, y)) {
            south_attention(
                &plan, q.floatPointer, k.floatPointer, v.floatPointer, scores?.floatPointer,
                y.floatPointer)
        }
        return y
    }

    /// Strides of batch, head and position; of a single position, the length of its vector.
    private func steps(_ x: Tensor) -> (Int, Int, Int) {
        (x.strides[0], x.strides[1], x.shape[2] <= 1 ? max(x.shape[3], 1) : x.strides[2])
    }

    func rotary(_ x: Tensor, cosines: Tensor, sines: Tensor, interleaved: Bool) -> Tensor {
        let x = x.withAdjacentLastAxis
        let y = empty(x.shape)
        withExtendedLifetime((x, cosines, sines, y)) {
            south_rotary(
                x.shape[0], x.shape[1], x.shape[2], x.shape[3], x.floatPointer, x.strides,
                cosines.floatPointer, sines.floatPointer, interleaved ? 1 : 0, y.floatPointer)
        }
        return y
    }
}
