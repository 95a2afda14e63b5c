import Evaluation
import Testing

@Suite struct PooledRetrievalTests {
    private let bank: [String: [[Float]]] = [
        "a": [[1, 0]], "b": [[0, 1]], "c": [[-1, 0]], "d": [[0, -1]],
    ]

    @Test func ranksTheOwnItemAmongOthers() {
        let scores = RetrievalScores(
            [
                .init(query: [0.9, 0.1], own: [1, 0], key: "a"),
                // Points at c first, then at d, then at b, which is its own.
                .init(query: [-0.9, -0.2], own: [0, 1], key: "b"),
            ], among: bank, pool: 4)
        #expect(scores.ranks == [1, 3])
        #expect(scores.found(at: 1) == 1)
    }

    @Test func aSmallPoolHoldsAsManyOthersAsItSays() {
        // Every other item is ahead, so the rank is the pool's size.
        let scores = RetrievalScores(
            (0..<50).map { _ in .init(query: [0, 0], own: [1, 0], key: "a") }, among: bank, pool: 3)
        #expect(scores.ranks == [Int](repeating: 3, count: 50))
    }

    @Test func itemsOfTheSameKeyAreNoWrongAnswers() {
        let same = ["a": [[1, 0], [1, 0]] as [[Float]], "b": [[0, 1]]]
        let scores = RetrievalScores(
            [.init(query: [1, 0], own: [1, 0], key: "a")], among: same, pool: 20)
        #expect(scores.ranks == [1])
    }

    @Test func aNumberThatIsNoneIsLast() {
        let scores = RetrievalScores(
            [.init(query: [.nan, 0], own: [1, 0], key: "a")], among: bank, pool: 4)
        #expect(scores.ranks == [4])
    }
}
