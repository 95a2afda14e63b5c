import Foundation
import TestSupport
import Testing

/// `southgpt-evaluate` as it is run.
@Suite struct EvaluateToolTests {
    private struct Report: Decodable {
        struct Score: Decodable {
            let task, name, by: String
            let count: Int
        }

        let model: String
        let scores: [Score]
    }

    @Test func scoresATinyModelOnADatasetOfTheCatalog() throws {
        try withTemporaryFolder { place in
            let repository = try TinyRepository(in: place)
            let arguments = [
                "--model", "model", "--dataset", "cc3m_enc", "--limit", "2", "--max-new-tokens",
                "4",
                "--tasks", "describe", "--output", "scores", "--quiet",
            ]
            let tool = BuiltTool(
                "southgpt-evaluate", in: repository.folder, arguments + ["--json"])
            let outcome = try tool.outcome()
            #expect(outcome.status == 0, "\(outcome.errors)")
            let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
            #expect(report.scores.first?.task == "image → text")
            #expect(report.scores.first { $0.by == "BLEU-4" }?.count == 2)
            #expect(repository.exists("scores/index.html"))
            #expect(repository.exists("scores/report.json"))
            // The same again has nothing left to ask.
            let again = try BuiltTool(
                "southgpt-evaluate", in: repository.folder, arguments
            ).outcome()
            #expect(again.output.contains("whole text, by BLEU-4"))
            #expect(again.output.hasSuffix("scores/index.html\n"))
            let other = try BuiltTool(
                "southgpt-evaluate", in: repository.folder, arguments + ["--seed", "14"]
            ).outcome()
            #expect(other.status == 1)
            #expect(other.errors.contains("another generation settings"))
        }
    }

    @Test func saysWhatIsMissing() throws {
        try withTemporaryFolder { place in
            func errors(_ arguments: String...) throws -> (Int32, String) {
                let outcome = try BuiltTool("southgpt-evaluate", in: place, arguments).outcome()
                return (outcome.status, outcome.errors)
            }
            let nothing = try errors("--output", "out")
            #expect(nothing.0 == 64)
            #expect(nothing.1.contains("name a dataset with --dataset"))
            let task = try errors("--dataset", "x", "--output", "out", "--tasks", "sing")
            #expect(task.0 == 64)
            #expect(task.1.contains("'sing' is not known; known are describe, make, decode,"))
            let empty = place + "/catalog.yaml"
            try Data("{}".utf8).write(to: URL(filePath: empty))
            let judge = try errors(
                "train-judge", "image", "--dataset", "x", "--held-out", "y", "--output", "judges",
                "--catalog", "catalog.yaml")
            #expect(judge.0 == 1)
            #expect(judge.1.contains("A judge of image needs slots that it is to name"))
        }
    }
}
