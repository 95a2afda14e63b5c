public import TensorCore

/// How well each query finds its own item among all items, by the cosine of their embeddings.
public struct RetrievalScores: Equatable, Sendable {
    /// Each query's rank of its item: 1 is best. Items that score the same count as ahead, so a
    /// model that says the same of everything gains nothing.
    public let ranks: [Int]

    /// Scores every query against every item.
    ///
    /// - Shapes: `queries [count, width]`, `items [count, width]`; row i of one belongs to row i
    ///   of the other
    public init(queries: Tensor, items: Tensor) {
        precondition(
            queries.rank == 2 && queries.shape == items.shape,
            "RetrievalScores: queries \(queries.shape), items \(items.shape)")
        let count = queries.shape[0]
        let similarity = queries.normalized().matmul(items.normalized().transposed()).floats()
        ranks = (0..<count).map { query in
            let row = similarity[(query * count)..<(query * count + count)]
            let own = similarity[query * count + query]
            // A NaN is no match: it is ahead of nothing and behind everything.
            guard own.isFinite else { return count }
            return row.count { $0 >= own }
        }
    }

    /// The share of queries whose item is among the first `k`.
    public func recall(at k: Int) -> Double {
        ranks.isEmpty ? 0 : Double(ranks.count { $0 <= k }) / Double(ranks.count)
    }

    /// The middle rank; the mean of the two middle ones where their number is even.
    public var medianRank: Double {
        guard !ranks.isEmpty else { return 0 }
        let sorted = ranks.sorted()
        return Double(sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
