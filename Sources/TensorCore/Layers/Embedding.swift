/// A table of vectors, looked up by index.
///
/// - Shapes: integers `[...]` → `[..., width]`
/// - Checkpoint: `weight [count, width]`
public struct Embedding: Sendable {
    /// The table.
    public let weight: Parameter

    /// Reads or draws the table (normal, standard deviation `deviation`).
    public init(
        _ count: Int, _ width: Int, deviation: Float = 1, from weights: Weights
    ) throws {
        weight = try weights.parameter("weight", [count, width], initial: .normal(deviation))
    }

    /// The rows named by `ids`.
    public func callAsFunction(_ ids: Tensor) -> Tensor { weight.value.rows(at: ids) }
}
