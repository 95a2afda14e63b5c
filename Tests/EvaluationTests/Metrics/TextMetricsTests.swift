import Evaluation
import Foundation
import Testing

@Suite struct TextMetricsTests {
    @Test func splitsWordsAndMarks() {
        #expect(
            TextMetrics.words("It's 3 o'clock, Anna.") == [
                "it's", "3", "o'clock", ",", "anna", ".",
            ])
    }

    @Test func bleuOfEqualTextsIsOne() {
        let text = "a kettle whistles twice in the kitchen"
        #expect(abs(TextMetrics.bleu4(candidates: [text], references: [[text]]) - 1) < 1e-12)
    }

    @Test func bleuMatchesACountByHand() {
        // Precisions 5/6, 3/5, 2/4, 1/3; candidate as long as the reference.
        let score = TextMetrics.bleu4(
            candidates: ["the cat sat on a mat"], references: [["the cat sat on the mat"]])
        let expected = pow(5.0 / 6 * 3.0 / 5 * 2.0 / 4 * 1.0 / 3, 0.25)
        #expect(abs(score - expected) < 1e-12)
    }

    @Test func bleuClipsRepeatedWordsAndPunishesBrevity() {
        let repeated = TextMetrics.bleu4(
            candidates: ["the the the the the"], references: [["the cat sat on the mat"]])
        #expect(repeated == 0)
        // Every run occurs in the reference; four of six words: exp(1 − 6/4).
        let short = TextMetrics.bleu4(
            candidates: ["the cat sat on"], references: [["the cat sat on the mat"]])
        #expect(abs(short - exp(-0.5)) < 1e-12)
    }

    @Test func distinctCountsDifferentRuns() {
        #expect(TextMetrics.distinct(1, in: ["a b a", "a b"]) == 2.0 / 5)
        #expect(TextMetrics.distinct(2, in: ["a b a", "a b"]) == 2.0 / 3)
        #expect(TextMetrics.distinct(3, in: ["a b"]) == 0)
    }
}
