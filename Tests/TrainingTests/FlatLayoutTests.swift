import Testing
import Training

@Suite struct FlatLayoutTests {
    /// Three parameters of 5, 0, 7 and 1 elements in buckets of 4, halved.
    private let layout = FlatLayout([5, 0, 7, 1], bucketLength: 4, shards: 2)

    @Test func bucketsCoverTheParametersAndDivide() {
        #expect(layout.count == 13)
        #expect(layout.buckets == [0..<4, 4..<8, 8..<12, 12..<14])
        #expect(
            FlatLayout([5, 8], bucketLength: 4, shards: 3).buckets == [0..<6, 6..<12, 12..<15])
    }

    @Test func piecesNameTheElementsOfARange() {
        #expect(
            layout.pieces(of: 4..<8) == [
                .init(parameter: 0, elements: 4..<5, offset: 0),
                .init(parameter: 2, elements: 0..<3, offset: 1),
            ])
        #expect(
            layout.pieces(of: 11..<14) == [
                .init(parameter: 2, elements: 6..<7, offset: 0),
                .init(parameter: 3, elements: 0..<1, offset: 1),
            ])
        #expect(layout.pieces(of: 13..<14).isEmpty)
    }

    @Test func shardsOfAllRanksAreEveryElementOnce() {
        let shards = layout.buckets.indices.flatMap { bucket in
            (0..<2).flatMap { layout.pieces(of: layout.shard(of: bucket, rank: $0)) }
        }
        for (parameter, length) in [5, 0, 7, 1].enumerated() {
            let elements = shards.filter { $0.parameter == parameter }.flatMap {
                Array($0.elements)
            }
            #expect(elements == Array(0..<length))
        }
    }

    @Test func bucketsSetOutFromTheLastInOneOrder() {
        var countdown = BucketCountdown(layout)
        // What is finished early waits for its turn.
        #expect(countdown.finish(0) == [])
        #expect(countdown.finish(1) == [])
        #expect(countdown.finish(3) == [3])
        #expect(countdown.finish(2) == [2, 1, 0])
    }
}
