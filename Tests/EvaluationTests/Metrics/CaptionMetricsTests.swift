import Evaluation
import Foundation
import TestSupport
import Testing

@Suite struct CaptionMetricsTests {
    /// Made by Tests/Fixtures/text_metrics.py.
    private struct Scores: Decodable {
        let source: String
        let candidates: [String]
        let references: [[String]]
        let bleu: Double
        let rougeL: [Double]
        let cider: [Double]
        let meanCider: Double
    }

    private func scores() throws -> Scores {
        let file = URL(filePath: Fixture.path("text_metrics.json"))
        return try JSONDecoder().decode(Scores.self, from: Data(contentsOf: file))
    }

    @Test func bleuIsThatOfTheUsualPackage() throws {
        let scores = try scores()
        let bleu = TextMetrics.bleu4(candidates: scores.candidates, references: scores.references)
        #expect(abs(bleu - scores.bleu) < 1e-9, "\(bleu), \(scores.source) \(scores.bleu)")
    }

    @Test func rougeIsThatOfTheUsualPackage() throws {
        let scores = try scores()
        for (index, expected) in scores.rougeL.enumerated() {
            let found = TextMetrics.rougeL(
                candidate: scores.candidates[index], references: scores.references[index])
            #expect(abs(found - expected) < 1e-12, "\(index): \(found), \(expected)")
        }
        #expect(TextMetrics.rougeL(candidate: "", references: ["a"]) == 0)
    }

    @Test func ciderIsThatOfTheUsualPackage() throws {
        let scores = try scores()
        let found = TextMetrics.ciderD(
            candidates: scores.candidates, references: scores.references)
        #expect(found.count == scores.cider.count)
        for (a, b) in zip(found, scores.cider) { #expect(abs(a - b) < 1e-9, "\(a), \(b)") }
        let mean = found.reduce(0, +) / Double(found.count)
        #expect(abs(mean - scores.meanCider) < 1e-9)
        // An equal text has all of what is rare.
        #expect(found[4] > 5)
        #expect(found[3] < 0.1)
    }
}
