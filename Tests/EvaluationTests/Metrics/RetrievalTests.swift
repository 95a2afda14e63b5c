import Evaluation
import TensorCore
import Testing

@Suite struct RetrievalTests {
    private func matrix(_ rows: [[Float]]) -> Tensor {
        Tensor(rows.flatMap { $0 }, [rows.count, rows.first?.count ?? 0], device: .reference)
    }

    @Test func ranksEachQuerysOwnItem() {
        let items = matrix([[1, 0], [0, 2], [-3, 0]])
        // The third query points at the second item, then at its own.
        let scores = RetrievalScores(queries: matrix([[5, 0.1], [0, 1], [-1, 2]]), items: items)
        #expect(scores.ranks == [1, 1, 2])
        #expect(abs(scores.recall(at: 1) - 2.0 / 3) < 1e-12)
        #expect(scores.recall(at: 2) == 1)
        #expect(scores.medianRank == 1)
    }

    @Test func aModelThatSaysTheSameOfEverythingGainsNothing() {
        let same = matrix([[1, 1], [1, 1], [1, 1], [1, 1]])
        let scores = RetrievalScores(queries: same, items: same)
        #expect(scores.ranks == [4, 4, 4, 4])
        #expect(scores.recall(at: 1) == 0)
        #expect(scores.medianRank == 4)
    }

    @Test func aNumberThatIsNoneIsNoMatch() {
        let items = matrix([[1, 0], [0, 1]])
        let scores = RetrievalScores(queries: matrix([[.nan, 0], [0, 1]]), items: items)
        #expect(scores.ranks == [2, 1])
        #expect(scores.medianRank == 1.5)
    }
}
