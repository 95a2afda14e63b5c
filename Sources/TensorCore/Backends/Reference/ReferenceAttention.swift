import Glibc

extension ReferenceBackend {
    /// Calls `body` with the probabilities of each query's keys, the extra one last, and the query's
    /// place; those it may not see have 0. Where it sees none, all have.
    private func attend(
        _ q: Tensor, _ k: Tensor, scale: Float, mask: AttentionMask, extra: ExtraKey?,
        _ body: (_ item: Int, _ head: Int, _ query: Int, _ probabilities: [Double], _ sum: Double)
            -> Void
    ) {
        let (batch, heads, m, d) = (q.shape[0], q.shape[1], q.shape[2], q.shape[3])
        let (kvHeads, n) = (k.shape[1], k.shape[2])
        let (queries, keys, last) = (values(q), values(k), extra.map { values($0.key) })
        var added: [Float]?
        if case .additive(let scores) = mask { added = values(scores) }
        for row in 0..<(batch * heads * m) {
            let (item, head, i) = (row / m / heads, row / m % heads, row % m)
            let kvHead = head / (heads / kvHeads)
            var visible = n
            if case .causal = mask { visible = Swift.max(0, Swift.min(n, i + n - m + 1)) }
            func product(_ vectors: [Float], _ start: Int) -> Double {
                (0..<d).reduce(0.0) {
                    $0 + Double(queries[row * d + $1]) * Double(vectors[start + $1])
                } * Double(scale)
            }
            var scores = (0..<n).map { j in
                j >= visible
                    ? -Double.infinity
                    : product(keys, ((item * kvHeads + kvHead) * n + j) * d)
                        + Double(added?[row * n + j] ?? 0)
            }
            if let last { scores.append(product(last, kvHead * d)) }
            let largest = scores.max() ?? -Double.infinity
            let powers = scores.map { largest > -Double.infinity ? exp($0 - largest) : 0 }
            let total = powers.reduce(0, +)
            body(
                item, head, i, powers.map { total == 0 ? 0 : $0 / total },
                total == 0 ? -Double.infinity : largest + log(total))
        }
    }

    func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Float, mask: AttentionMask, extra: ExtraKey?
    ) -> (y: Tensor, logSums: Tensor) {
        let (batch, heads, m) = (q.shape[0], q.shape[1], q.shape[2])
        let (kvHeads, n, e) = (v.shape[1], v.shape[2], v.shape[3])
        let (rows, last) = (values(v), extra.map { values($0.value) } ?? [])
        var results = [Float](repeating: 0, count: batch * m * heads * e)
        var sums: [Float] = []
        attend(q, k, scale: scale, mask: mask, extra: extra) { item, head, i, shares, logSum in
            let kvHead = head / (heads / kvHeads)
            for column in 0..<e {
                var sum = 0.0
                for (j, share) in shares.enumerated() {
                    let place = ((item * kvHeads + kvHead) * n + j) * e + column
                    let value = j < n ? rows[place] : last[kvHead * e + column]
                    sum += share * Double(value)
                }
                results[((item * m + i) * heads + head) * e + column] = Float(sum)
            }
            sums.append(Float(logSum))
        }
        return (tensor(results, [batch, m, heads, e]), tensor(sums, [batch, heads, m]))
    }

    func attentionGradient(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Float, mask: AttentionMask,
        extra: ExtraKey?, y: Tensor, logSums: Tensor, gradient: Tensor, maskWanted: Bool
    ) -> AttentionGradients {
        let (heads, m, d) = (q.shape[1], q.shape[2], q.shape[3])
        let (kvHeads, n, e) = (v.shape[1], v.shape[2], v.shape[3])
        let (queries, keys, rows) = (values(q), values(k), values(v))
        let (lastKey, lastValue) = (
            extra.map { values($0.key) } ?? [], extra.map { values($0.value) } ?? []
        )
        let arriving = values(gradient)
        var toQ = [Double](repeating: 0, count: queries.count)
        var (toK, toV) = (
            [Double](repeating: 0, count: keys.count), [Double](repeating: 0, count: rows.count)
        )
        var (toKey, toValue) = (
            [Double](repeating: 0, count: lastKey.count),
            [Double](repeating: 0, count: lastValue.count)
        )
        var toMask: [Float] = []
        attend(q, k, scale: scale, mask: mask, extra: extra) { item, head, i, shares, _ in
            let kvHead = head / (heads / kvHeads)
            let row = (item * heads + head) * m + i
            let pulls = (0..<e).map { Double(arriving[((item * m + i) * heads + head) * e + $0]) }
            let slopes = shares.indices.map { j in
                (0..<e).reduce(0.0) { sum, column in
                    let place = ((item * kvHeads + kvHead) * n + j) * e + column
                    let value = j < n ? rows[place] : lastValue[kvHead * e + column]
                    return sum + pulls[column] * Double(value)
                }
            }
            let mixed = zip(shares, slopes).reduce(0) { $0 + $1.0 * $1.1 }
            for (j, share) in shares.enumerated() {
                let slope = share * (slopes[j] - mixed)
                let place = (item * kvHeads + kvHead) * n + j
                for column in 0..<e {
                    if j < n {
                        toV[place * e + column] += share * pulls[column]
                    } else {
                        toValue[kvHead * e + column] += share * pulls[column]
                    }
                }
                for column in 0..<d {
                    let key = j < n ? keys[place * d + column] : lastKey[kvHead * d + column]
                    let query = Double(queries[row * d + column])
                    toQ[row * d + column] += slope * Double(scale) * Double(key)
                    if j < n {
                        toK[place * d + column] += slope * Double(scale) * query
                    } else {
                        toKey[kvHead * d + column] += slope * Double(scale) * query
                    }
                }
                if maskWanted, j < n { toMask.append(Float(slope)) }
            }
        }
        func narrow(_ sums: [Double], _ shape: Shape) -> Tensor {
            tensor(sums.map { Float($0) }, shape)
        }
        return AttentionGradients(
            q: narrow(toQ, q.shape), k: narrow(toK, k.shape), v: narrow(toV, v.shape),
            mask: maskWanted ? tensor(toMask, [q.shape[0], heads, m, n]) : nil,
            extra: extra.map {
                ExtraKey(key: narrow(toKey, $0.key.shape), value: narrow(toValue, $0.value.shape))
            })
    }

    func rotary(_ x: Tensor, cosines: Tensor, sines: Tensor, interleaved: Bool) -> Tensor {
        let (time, heads, size) = (x.shape[1], x.shape[2], x.shape[3])
        let (c, s) = (values(cosines), values(sines))
        var all = values(x)
        for row in 0..<(all.count / Swift.max(size, 1)) {
            let position = row / heads % time
            for pair in 0..<(size / 2) {
                let first = row * size + (interleaved ? 2 * pair : pair)
                let second = interleaved ? first + 1 : first + size / 2
                let (a, b) = (all[first], all[second])
                let (cosine, sine) = (
                    c[position * (size / 2) + pair], s[position * (size / 2) + pair]
                )
                all[first] = a * cosine - b * sine
                all[second] = b * cosine + a * sine
            }
        }
        return tensor(all, x.shape)
    }
}
