/// The weight of a convolution: as it is, or, under a view that is `weightNormalized()`, as a
/// magnitude of each first index and a direction, which are trained apart.
///
/// Paper: Salimans and Kingma 2016, arXiv:1602.07868.
/// - Checkpoint: `weight`, or `weight_g [first, 1, …]` and `weight_v`, as PyTorch's `weight_norm`
///   names them
struct Filters: Sendable {
    private let weight: Parameter
    private let magnitude: Parameter?

    /// Reads or draws them. A fresh magnitude is the length of what was drawn.
    init(_ shape: Shape, from weights: Weights) throws {
        guard weights.isWeightNormalized else {
            weight = try weights.parameter("weight", shape, initial: .kaimingUniform)
            magnitude = nil
            return
        }
        weight = try weights.parameter("weight_v", shape, initial: .kaimingUniform)
        let lengths = shape.indices.map { $0 == 0 ? shape[0] : 1 }
        let magnitude = try weights.parameter("weight_g", lengths)
        if !weights.contains("weight_g") {
            magnitude.replace(with: Filters.lengths(of: weight.value.detached()))
        }
        self.magnitude = magnitude
    }

    /// What the convolution uses.
    var value: Tensor {
        guard let magnitude else { return weight.value }
        let direction = weight.value
        return direction * (magnitude.value / Filters.lengths(of: direction))
    }

    /// The norm over all axes but the first, which are kept.
    private static func lengths(of direction: Tensor) -> Tensor {
        direction.squared().sum(Array(1..<direction.rank), keepingAxes: true).squareRoot()
    }
}
