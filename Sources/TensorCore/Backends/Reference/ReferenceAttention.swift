import Glibc

extension ReferenceBackend {
    func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Float, mask: AttentionMask
    ) -> Tensor {
        let (batch, heads, m, d) = (q.shape[0], q.shape[1], q.shape[2], q.shape[3])
        let (kvHeads, n, e) = (k.shape[1], k.shape[2], v.shape[3])
        let (queries, keys, rows) = (values(q), values(k), values(v))
        var added: [Float]?
        if case .additive(let scores) = mask { added = values(scores) }
        var results = [Float](repeating: 0, count: batch * m * heads * e)
        for item in 0..<batch {
            for head in 0..<heads {
                let shared = item * kvHeads + head / (heads / kvHeads)
                for i in 0..<m {
                    let query = ((item * heads + head) * m + i) * d
                    var visible = n
                    if case .causal = mask { visible = Swift.max(0, Swift.min(n, i + n - m + 1)) }
                    let scores = (0..<visible).map { j -> Double in
                        var dot = 0.0
                        for index in 0..<d {
                            dot +=
                                Double(queries[query + index])
                                * Double(keys[(shared * n + j) * d + index])
                        }
                        let extra = added?[((item * heads + head) * m + i) * n + j] ?? 0
                        return dot * Double(scale) + Double(extra)
                    }
                    guard let largest = scores.max(), largest > -Double.infinity else { continue }
                    let powers = scores.map { exp($0 - largest) }
                    let total = powers.reduce(0, +)
                    for column in 0..<e {
                        var sum = 0.0
                        for (j, power) in powers.enumerated() {
                            sum += power * Double(rows[(shared * n + j) * e + column])
                        }
                        results[((item * m + i) * heads + head) * e + column] = Float(sum / total)
                    }
                }
            }
        }
        return tensor(results, [batch, m, heads, e])
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
