package import TensorCore

/// InfoNCE in both directions: which b belongs to which a, and which a to which b, among all of a
/// batch. The sum over rows of the mean of both cross-entropies.
///
/// Papers: van den Oord et al. 2018, arXiv:1807.03748; Radford et al. 2021, arXiv:2103.00020.
/// - Shapes: `a`, `b [batch, width]`, unit vectors, row i of each a pair; `scale []` or `[1]`
///   multiplies the cosines
/// - Parameter groups: a number for each row; rows of one number mean the same, and are no wrong
///   answers for each other. Nil where all differ
package func contrast(
    _ a: Tensor, _ b: Tensor, scale: Tensor, groups: [Int]? = nil
) -> Tensor {
    precondition(a.rank == 2 && a.shape == b.shape, "contrast: \(a.shape) with \(b.shape)")
    let count = a.shape[0]
    var logits = a.linear(b) * scale
    if let groups, Set(groups).count < count {
        precondition(groups.count == count, "contrast: \(groups.count) groups of \(count) rows")
        var mask = [Float](repeating: 0, count: count * count)
        for i in 0..<count {
            for j in 0..<count where i != j && groups[i] == groups[j] {
                mask[i * count + j] = -Float.greatestFiniteMagnitude / 2
            }
        }
        logits = logits + Tensor(mask, [count, count], device: a.device)
    }
    let right = Tensor((0..<count).map { Int32($0) }, [count], device: a.device)
    let sums = [logits, logits.transposed()].map { $0.crossEntropy(right, reduction: .sum) }
    return (sums[0] + sums[1]) * 0.5
}

/// The factor that cosines are multiplied by before a softmax: `min(exp(logarithm), 100)`.
package func logitScale(_ logarithm: Tensor) -> Tensor {
    logarithm.exp().minimum(Tensor(100, device: logarithm.device))
}
