internal import CSouthKernels

extension CPUBackend {
    /// Queries, keys or values `[batch, heads, positions, size]` with adjacent, separate vectors.
    private func heads(_ x: Tensor) -> Tensor {
        let x = x.withAdjacentLastAxis
        return x.shape[2] > 1 && x.strides[2] < x.shape[3] ? copy(x) : x
    }

    /// What kernels need to know of an attention, and its mask.
    private func plan(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, _ scale: Float, _ mask: AttentionMask
    ) -> (south_attention_shape, mask: Tensor?) {
        var plan = south_attention_shape()
        (plan.batch, plan.heads, plan.key_heads) = (q.shape[0], q.shape[1], k.shape[1])
        (plan.queries, plan.keys) = (q.shape[2], k.shape[2])
        (plan.size, plan.value_size) = (q.shape[3], v.shape[3])
        plan.q_strides = steps(q)
        plan.k_strides = steps(k)
        plan.v_strides = steps(v)
        plan.scale = scale
        switch mask {
        case .none: return (plan, nil)
        case .causal:
            plan.causal = 1
            return (plan, nil)
        case .additive(let added):
            let s = added.strides
            plan.mask_strides = (s[0], s[1], s[2], s[3])
            return (plan, added)
        }
    }

    func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Float, mask: AttentionMask, extra: ExtraKey?
    ) -> (y: Tensor, logSums: Tensor) {
        let (q, k, v) = (heads(q), heads(k), heads(v))
        let y = empty([q.shape[0], q.shape[2], q.shape[1], v.shape[3]])
        let logSums = empty([q.shape[0], q.shape[1], q.shape[2]])
        var (plan, scores) = plan(q, k, v, scale, mask)
        withExtendedLifetime((q, k, v, scores, extra, y, logSums)) {
            var extras = south_attention_extras(
                mask: scores?.floatPointer, key: extra?.key.floatPointer,
                value: extra?.value.floatPointer)
            south_attention(
                &plan, q.floatPointer, k.floatPointer, v.floatPointer, &extras, y.floatPointer,
                logSums.floatPointer)
        }
        return (y, logSums)
    }

    func attentionGradient(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Float, mask: AttentionMask,
        extra: ExtraKey?, y: Tensor, logSums: Tensor, gradient: Tensor, maskWanted: Bool
    ) -> AttentionGradients {
        let (q, k, v, gradient) = (heads(q), heads(k), heads(v), gradient.dense())
        var (plan, scores) = plan(q, k, v, scale, mask)
        let (batch, keyHeads) = (plan.batch, plan.key_heads)
        let toQ = empty([batch, plan.queries, plan.heads, plan.size])
        let toK = empty([batch, plan.keys, keyHeads, plan.size])
        let toV = empty([batch, plan.keys, keyHeads, plan.value_size])
        let toMask = maskWanted ? empty([batch, plan.heads, plan.queries, plan.keys]) : nil
        let toKey = extra.map { _ in empty([batch, keyHeads, plan.size]) }
        let toValue = extra.map { _ in empty([batch, keyHeads, plan.value_size]) }
        withExtendedLifetime(
            (
                (q, k, v, scores, extra), (y, logSums, gradient), (toQ, toK, toV, toMask),
                (toKey, toValue)
            )
        ) {
            var extras = south_attention_extras(
                mask: scores?.floatPointer, key: extra?.key.floatPointer,
                value: extra?.value.floatPointer)
            var results = south_attention_gradients(
                q: toQ.floatPointer, k: toK.floatPointer, v: toV.floatPointer,
                mask: toMask?.floatPointer, key: toKey?.floatPointer,
                value: toValue?.floatPointer)
            south_attention_gradient(
                &plan, q.floatPointer, k.floatPointer, v.floatPointer, &extras, y.floatPointer,
                logSums.floatPointer, gradient.floatPointer, &results)
        }
        var toExtra: ExtraKey?
        if let toKey, let toValue { toExtra = ExtraKey(key: summed(toKey), value: summed(toValue)) }
        return AttentionGradients(
            q: toQ.permuted(0, 2, 1, 3), k: toK.permuted(0, 2, 1, 3), v: toV.permuted(0, 2, 1, 3),
            mask: toMask, extra: toExtra)
    }

    /// The sum over the batch.
    private func summed(_ x: Tensor) -> Tensor {
        let rows = x.reshaped([x.shape[0], x.shape[1] * x.shape[2]])
        return reduce(.sum, rows.transposed()).reshaped([x.shape[1], x.shape[2]])
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
