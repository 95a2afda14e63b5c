/// A table of vectors, looked up by index.
///
/// - Shapes: integers `[...]` → `[..., width]`
/// - Checkpoint: `weight [count, width]`; where the view extends it, the last rows of the table
///   are `added_rows`
public struct Embedding: Sendable {
    /// The table, without its added rows.
    public let weight: Parameter
    /// Rows after those of the table that are a parameter of their own.
    public let added: Parameter?

    /// Reads or draws the table (normal, standard deviation `deviation`).
    public init(
        _ count: Int, _ width: Int, deviation: Float = 1, from weights: Weights
    ) throws {
        let rows = weights.addedRows
        weight = try weights.parameter(
            "weight", [count - rows, width], initial: .normal(deviation))
        added =
            rows > 0
            ? try weights.parameter("added_rows", [rows, width], initial: .normal(deviation)) : nil
    }

    /// The rows named by `ids`.
    public func callAsFunction(_ ids: Tensor) -> Tensor {
        guard let added else { return weight.value.rows(at: ids) }
        // Each id is looked up in both tables, and counts in the one that has it.
        let count = Int32(weight.value.shape[0])
        let numbers = ids.integers().map { Int32(clamping: $0) }
        func table(_ parameter: Parameter, _ ids: [Int32]) -> Tensor {
            parameter.value.rows(at: Tensor(ids, device: parameter.value.device))
        }
        let rows = Tensor.concatenate(
            [
                table(weight, numbers.filter { $0 < count }),
                table(added, numbers.filter { $0 >= count }.map { $0 - count }),
            ], axis: 0)
        var (first, second) = (Int32(0), Int32(numbers.count { $0 < count }))
        let places = numbers.map { number -> Int32 in
            if number < count {
                first += 1
                return first - 1
            }
            second += 1
            return second - 1
        }
        return rows.selected(0, at: Tensor(places, device: ids.device))
            .reshaped(ids.shape + [rows.shape[1]])
    }
}
