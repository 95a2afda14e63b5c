import Evaluation
import TensorCore
import Testing

@Suite struct TokenAccuracyTests {
    /// Logits that prefer `tokens`, out of a vocabulary of 6.
    private func logits(_ tokens: [[Int]]) -> Tensor {
        let values = tokens.flatMap { row in
            row.flatMap { token in (0..<6).map { $0 == token ? Float(2) : -1 } }
        }
        return Tensor(values, [tokens.count, tokens[0].count, 6], device: .reference)
    }

    private func labels(_ rows: [[Int32]]) -> Tensor {
        Tensor(rows.flatMap { $0 }, [rows.count, rows[0].count], device: .reference)
    }

    @Test func skipsTheFirstPredictionAndAddsOneToTheCount() {
        // Predictions at 1, 2, 3 meet labels 2, 3, 4; the one at 0 would be wrong.
        let accuracy = tokenAccuracy(
            logits: logits([[0, 3, 4, 5, 0]]), labels: labels([[1, 2, 3, 4, 5]]))
        #expect(accuracy == 3.0 / 4)
    }

    @Test func leavesOutIgnoredLabels() {
        let accuracy = tokenAccuracy(
            logits: logits([[0, 3, 4, 5, 0], [1, 1, 1, 1, 1]]),
            labels: labels([[-100, -100, -100, 4, 5], [-100, -100, -100, -100, 2]]))
        #expect(accuracy == 2.0 / 4)
    }

    @Test func isZeroWhereNothingCounts() {
        #expect(tokenAccuracy(logits: logits([[1, 1]]), labels: labels([[1, 1]])) == 0)
    }
}
