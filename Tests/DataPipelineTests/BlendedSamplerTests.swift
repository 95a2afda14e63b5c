import DataPipeline
import Testing

@Suite struct BlendedSamplerTests {
    @Test func takesTheDatasetsInTurnAsOftenAsTheReference() throws {
        let one = try BlendedSampler(sizes: [100, 60, 30], microBatch: 1, seed: 13)
        #expect(one.batchesPerEpoch == 300)
        #expect((0..<6).map { one.batch($0).dataset } == [0, 1, 2, 0, 1, 2])
        let two = try BlendedSampler(sizes: [100, 60, 30], microBatch: 1, ranks: 2, seed: 13)
        #expect(two.batchesPerEpoch == 150)
    }

    @Test func showsEverySampleOnceBeforeShufflingAnew() throws {
        let sampler = try BlendedSampler(sizes: [100, 30], microBatch: 1, seed: 13)
        let first = (0..<100).flatMap { sampler.batch(2 * $0).samples }
        #expect(first.sorted() == Array(0..<100))
        #expect(first != Array(0..<100))
        let small = (0..<100).flatMap { sampler.batch(2 * $0 + 1).samples }
        for round in 0..<3 {
            #expect(small[(30 * round)..<(30 * round + 30)].sorted() == Array(0..<30))
        }
        #expect(small[0..<30] != small[30..<60])
    }

    @Test func ranksShareABatchWithoutOverlap() throws {
        let ranks = try (0..<2).map {
            try BlendedSampler(sizes: [50, 21], microBatch: 3, ranks: 2, rank: $0, seed: 7)
        }
        let whole = try BlendedSampler(sizes: [50, 21], microBatch: 6, seed: 7)
        for index in 0..<whole.batchesPerEpoch {
            let parts = ranks.map { $0.batch(index, epoch: 2) }
            #expect(parts.flatMap(\.samples) == whole.batch(index, epoch: 2).samples)
            #expect(Set(parts.flatMap(\.samples)).count == 6)
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6])
    func anyNumberOfRanksGivesTheSameOrder(_ ranks: Int) throws {
        let sizes = [50, 21, 7]
        let whole = try BlendedSampler(sizes: sizes, globalBatch: 6, seed: 7)
        let shares = try (0..<ranks).map {
            try BlendedSampler(sizes: sizes, globalBatch: 6, ranks: ranks, rank: $0, seed: 7)
        }
        #expect(shares.allSatisfy { $0.batchesPerEpoch == whole.batchesPerEpoch })
        for index in 0..<whole.batchesPerEpoch {
            let parts = shares.map { $0.batch(index, epoch: 3) }
            #expect(parts.flatMap(\.samples) == whole.batch(index, epoch: 3).samples)
            #expect(parts.allSatisfy { $0.samples.count >= 6 / ranks })
        }
    }

    @Test func everyEpochAndSeedHasItsOwnOrder() throws {
        let sampler = try BlendedSampler(sizes: [64], microBatch: 8, seed: 1)
        let other = try BlendedSampler(sizes: [64], microBatch: 8, seed: 2)
        #expect(sampler.batch(3, epoch: 1) == sampler.batch(3, epoch: 1))
        #expect(sampler.batch(3, epoch: 1) != sampler.batch(3, epoch: 0))
        #expect(sampler.batch(3) != other.batch(3))
    }

    @Test func aDatasetSmallerThanABatchIsReported() {
        #expect(throws: DatasetError.tooSmall(dataset: 1, samples: 3, batch: 4)) {
            try BlendedSampler(sizes: [9, 3], microBatch: 2, ranks: 2, seed: 1)
        }
    }

    @Test(arguments: [0, 1, 2, 3, 4, 5, 16, 17, 1000, 4097])
    func aPermutationHoldsEveryIndexOnce(_ count: Int) {
        #expect(Permutation(count: count, seed: 5).sorted() == Array(0..<count))
    }

    @Test func aPermutationSpreadsEvenly() {
        // Every index lands in each quarter about equally often: χ² of 16 × 4 cells, 45 degrees of
        // freedom, stays below its 99.9 % quantile.
        var counts = [[Int]](repeating: [0, 0, 0, 0], count: 16)
        for seed in 0..<400 {
            for (place, index) in Permutation(count: 16, seed: UInt64(seed)).enumerated() {
                counts[index][place / 4] += 1
            }
        }
        let statistic = counts.joined().reduce(0.0) {
            $0 + (Double($1) - 100) * (Double($1) - 100) / 100
        }
        #expect(statistic < 80, "χ² = \(statistic)")
    }
}
