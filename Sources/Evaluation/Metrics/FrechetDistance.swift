public import TensorCore

/// How far two clouds of features are apart, as normal distributions of their means and covariances:
/// `|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2·√(Σ₁Σ₂))`. Distances in different feature spaces do not compare, and
/// those of few samples are too large.
///
/// - Shapes: `[samples, width]`, two samples or more each
/// - Throws: `LinearAlgebraError` for features that are no numbers
/// - Source: Dowson and Landau 1982; Heusel et al. 2017, arXiv:1706.08500
public func frechetDistance(_ first: Tensor, _ second: Tensor) throws -> Double {
    precondition(
        first.rank == 2 && second.rank == 2 && first.shape[1] == second.shape[1]
            && min(first.shape[0], second.shape[0]) > 1,
        "frechetDistance: features \(first.shape) and \(second.shape)")
    let (a, b) = (Moments(first), Moments(second))
    let means = zip(a.mean, b.mean).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let root = try a.covariance.traceOfProductSquareRoot(b.covariance)
    // Rounding may put the distance of equal clouds just below zero.
    return max(0, means + a.trace + b.trace - 2 * root)
}

/// The mean of some features and their covariance, without bias, in double precision.
private struct Moments {
    let mean: [Double]
    /// `[width, width]`, `float64`.
    let covariance: Tensor
    let trace: Double

    init(_ features: Tensor) {
        let (count, width) = (features.shape[0], features.shape[1])
        let values = features.doubles()
        var mean = [Double](repeating: 0, count: width)
        for row in 0..<count {
            for column in 0..<width { mean[column] += values[row * width + column] }
        }
        for column in 0..<width { mean[column] /= Double(count) }
        var sums = [Double](repeating: 0, count: width * width)
        for row in 0..<count {
            let centered = (0..<width).map { values[row * width + $0] - mean[$0] }
            for i in 0..<width {
                for j in 0..<width { sums[i * width + j] += centered[i] * centered[j] }
            }
        }
        let scale = 1 / Double(count - 1)
        for index in sums.indices { sums[index] *= scale }
        self.mean = mean
        trace = (0..<width).reduce(0) { $0 + sums[$1 * width + $1] }
        covariance = sums.withUnsafeBytes { Tensor(copying: $0, .float64, [width, width]) }
    }
}
