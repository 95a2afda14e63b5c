import TensorCore

extension RetrievalScores {
    /// A query with the item that it should find.
    public struct Trial: Sendable {
        /// Unit vectors.
        public let query: [Float]
        public let own: [Float]
        /// What both are about: items of other keys are wrong answers.
        public let key: String

        /// A trial.
        public init(query: [Float], own: [Float], key: String) {
            (self.query, self.own, self.key) = (query, own, key)
        }
    }

    /// Ranks each trial's item in a pool of its own: that item and one of each of `pool − 1` other
    /// keys, drawn at random; of all others where there are fewer.
    ///
    /// - Parameter bank: the items of every key
    public init(_ trials: [Trial], among bank: [String: [[Float]]], pool: Int, seed: UInt64 = 13) {
        precondition(pool > 1, "RetrievalScores: a pool of \(pool)")
        let keys = bank.keys.sorted()
        var generator = CounterGenerator(seed: seed)
        ranks = trials.map { trial in
            let draws = generator.uniform(2 * keys.count)
            let own = RetrievalScores.product(trial.query, trial.own)
            guard own.isFinite else { return pool }
            // The keys in a random order: the first of them are the pool.
            let order = keys.indices.filter { keys[$0] != trial.key }
                .sorted { (draws[$0], $0) < (draws[$1], $1) }
            let ahead = order.prefix(pool - 1).count { place in
                let items = bank[keys[place]] ?? []
                let pick = min(items.count - 1, Int(draws[keys.count + place] * Float(items.count)))
                return RetrievalScores.product(trial.query, items[pick]) >= own
            }
            return ahead + 1
        }
    }

    /// How many are found among the first `k`.
    public func found(at k: Int) -> Int { ranks.count { $0 <= k } }

    private static func product(_ a: [Float], _ b: [Float]) -> Float {
        zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    }
}
