/// Batches of several datasets in turn, each batch from one of them.
///
/// Every dataset yields one batch, in list order, over and over; one that is exhausted is shuffled
/// anew and starts again, so small ones are seen more often. An epoch has ⌈M·n / (g·n)⌉ such turns,
/// with M samples in the largest of n datasets and g = ranks × micro batch. What is left when a
/// dataset cannot fill another batch is left out until it is shuffled again.
///
/// Batch `i` of epoch `e` depends on the seed, `e` and `i` alone: any can be asked for at any time,
/// and all ranks see the same order.
///
/// - Source: NExT-GPT's modality-blended batch sampler
public struct BlendedSampler: Sendable {
    /// One batch's share of one rank.
    public struct Batch: Equatable, Sendable {
        /// Which dataset of the list it comes from.
        public let dataset: Int
        /// Indices of samples in that dataset.
        public let samples: [Int]
    }

    /// Batches in one epoch; every rank runs as many.
    public let batchesPerEpoch: Int
    private let sizes: [Int]
    private let globalBatch: Int
    private let slice: Range<Int>
    private let seed: UInt64

    /// - Parameters:
    ///   - sizes: samples in each dataset, in list order
    ///   - microBatch: samples that one rank takes of a batch
    /// - Throws: `DatasetError.tooSmall` for a dataset that cannot fill one batch of all ranks
    public init(
        sizes: [Int], microBatch: Int, ranks: Int = 1, rank: Int = 0, seed: UInt64
    ) throws {
        try self.init(
            sizes: sizes, globalBatch: ranks * microBatch, ranks: ranks, rank: rank, seed: seed)
    }

    /// A sampler whose batches do not depend on the number of ranks: whatever it is, together they
    /// see the same samples in the same order.
    ///
    /// - Parameters:
    ///   - globalBatch: samples that all ranks take of a batch; where the ranks do not divide it,
    ///     some take one more
    /// - Throws: `DatasetError.tooSmall` for a dataset that cannot fill one batch
    public init(
        sizes: [Int], globalBatch: Int, ranks: Int = 1, rank: Int = 0, seed: UInt64
    ) throws {
        precondition(
            ranks > 0 && globalBatch >= ranks && (0..<ranks).contains(rank),
            "BlendedSampler: a batch of \(globalBatch), rank \(rank) of \(ranks)")
        for (dataset, size) in sizes.enumerated() where size < globalBatch {
            throw DatasetError.tooSmall(dataset: dataset, samples: size, batch: globalBatch)
        }
        let turns = ((sizes.max() ?? 0) + globalBatch - 1) / globalBatch
        self.sizes = sizes
        self.globalBatch = globalBatch
        self.seed = seed
        batchesPerEpoch = turns * sizes.count
        slice = rank * globalBatch / ranks..<(rank + 1) * globalBatch / ranks
    }

    /// Samples that this rank takes of every batch.
    public var rankBatch: Int { slice.count }

    /// This rank's share of batch `index` of an epoch.
    public func batch(_ index: Int, epoch: Int = 0) -> Batch {
        precondition(
            index >= 0 && index < batchesPerEpoch, "batch \(index) of \(batchesPerEpoch)")
        let (turn, dataset) = index.quotientAndRemainder(dividingBy: sizes.count)
        let perRound = sizes[dataset] / globalBatch
        let (round, place) = turn.quotientAndRemainder(dividingBy: perRound)
        let key = [UInt64(epoch), UInt64(dataset), UInt64(round)].reduce(seed, mixed)
        let order = Permutation(count: sizes[dataset], seed: key)
        return Batch(
            dataset: dataset, samples: slice.map { order[place * globalBatch + $0] })
    }
}
