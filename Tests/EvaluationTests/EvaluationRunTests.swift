import DataPipeline
import Evaluation
import Foundation
import MediaIO
import ModelTestSupport
import ModelZoo
import SouthGPT
import TestSupport
import Testing

@Suite struct EvaluationRunTests {
    /// Four pictures with captions.
    private func makeData(_ folder: String) throws -> DialogueDataset {
        let records = try (0..<4).map { number -> String in
            let pixels = [UInt8](repeating: UInt8(50 * number), count: 3 * 32 * 32)
            try RGBImage(width: 32, height: 32, pixels: pixels).writePNG(
                to: "\(folder)/p\(number).png")
            let side = number % 2 == 0 ? "left" : "right"
            return
                "{\"image_name\": \"p\(number).png\", \"caption\": \"<b> number \(number), \(side)\"}"
        }
        let list = "\(folder)/pictures.json"
        try Data("[\(records.joined(separator: ","))]".utf8).write(to: URL(filePath: list))
        return try DialogueDataset(
            DatasetEntry(
                name: "pictures", format: .pair, type: .imageToText, dataPath: list,
                mediaRoot: folder))
    }

    private func settings(_ tasks: Set<EvaluationTask>) throws -> EvaluationSettings {
        var settings = EvaluationSettings()
        settings.plan = try EvaluationPlan(
            Settings(
                """
                questions: {image: What is this?}
                requests: {image: "Draw {caption}."}
                slots: {image: {side: [left, right]}}
                """, name: "plan"))
        settings.options.maxNewTokens = 6
        settings.options.imageSteps = 2
        settings.tasks = tasks
        settings.limit = 2
        return settings
    }

    private func model() throws -> EvaluationRun.Subject {
        .model(try MultimodalModel(TinyFolder.path))
    }

    @Test func asksScoresAndShows() throws {
        try withTemporaryFolder { folder in
            let data = try makeData(folder)
            let run = try EvaluationRun(
                model(), on: [data], settings([.describe, .make, .decode, .retrieve]),
                in: "\(folder)/scores")
            var jobs: Set<String> = []
            let report = try run.run { jobs.insert($0.job) }
            #expect(jobs.isSuperset(of: ["describe", "make", "decode", "reading"]))
            func score(_ task: String, _ name: String, _ by: String) -> EvaluationReport.Score? {
                report.scores.first { $0.task == task && $0.name == name && $0.by == by }
            }
            // A model of random weights says and makes something, and is told that it is wrong.
            #expect(score("image → text", "side", "words")?.count == 2)
            #expect(score("image → text", "whole text", "BLEU-4")?.value ?? 1 < 0.5)
            #expect(score("what to make", "right kinds of media", "kinds")?.count == 4)
            #expect(
                score("what to make", "malformed signal spans", "letters of signals in the text")?
                    .value == 0)
            let decoded = FileManager.default
            #expect(decoded.fileExists(atPath: "\(folder)/scores/media/decode.pictures.0.png"))
            let page = try String(contentsOfFile: "\(folder)/scores/index.html", encoding: .utf8)
            #expect(page.contains("&lt;b&gt; number 0, left"))
            #expect(!page.contains("<b> number"))
            #expect(page.contains("src=\"media/decode.pictures.0.png\""))
            let written = try JSONDecoder().decode(
                EvaluationReport.self,
                from: Data(contentsOf: URL(filePath: "\(folder)/scores/report.json")))
            #expect(written.scores.count == report.scores.count)
        }
    }

    @Test func goesOnWhereItWasStopped() throws {
        try withTemporaryFolder { folder in
            let data = try makeData(folder)
            let whole = try EvaluationRun(
                model(), on: [data], settings([.describe]), in: "\(folder)/whole")
            let expected = try whole.run().scores
            let stopped = try EvaluationRun(
                model(), on: [data], settings([.describe]), in: "\(folder)/cut")
            #expect(throws: CancellationError.self) {
                try stopped.run { if $0.completed == 1 { throw CancellationError() } }
            }
            let log = URL(filePath: "\(folder)/cut/items.jsonl")
            let kept = try Data(contentsOf: log)
            #expect(kept.count { $0 == UInt8(ascii: "\n") } == 2)
            // As if the power had failed while the next line was written.
            try (kept + Data("{\"id\":\"desc".utf8)).write(to: log)
            var asked = 0
            let report = try stopped.run {
                if $0.job == "describe" { asked = max(asked, $0.total) }
            }
            #expect(report.scores == expected)
            #expect(
                try Data(contentsOf: log).count { $0 == UInt8(ascii: "\n") } == 3)
        }
    }

    @Test func anotherEvaluationsFolderIsLeftAlone() throws {
        try withTemporaryFolder { folder in
            let data = try makeData(folder)
            _ = try EvaluationRun(
                model(), on: [data], settings([.describe]), in: "\(folder)/scores"
            ).run()
            var other = try settings([.describe])
            other.options.temperature = 0.1
            let error = #expect(throws: EvaluationError.self) {
                try EvaluationRun(model(), on: [data], other, in: "\(folder)/scores").run()
            }
            #expect(
                error?.description
                    == "\(folder)/scores: holds an evaluation with another generation settings, and "
                    + "nothing of it was touched. Name a new folder, or begin this one anew with "
                    + "--replace.")
            _ = try EvaluationRun(
                model(), on: [data], other, in: "\(folder)/scores", replacing: true
            ).run()
            try Data("no JSON\n".utf8).write(to: URL(filePath: "\(folder)/scores/items.jsonl"))
            let damaged = #expect(throws: EvaluationError.self) {
                try EvaluationRun(model(), on: [data], other, in: "\(folder)/scores").run()
            }
            #expect(damaged?.description.contains("items.jsonl: line 1 is no record") == true)
        }
    }

    @Test func weightsThatChangedInTheirPlaceAreAnotherEvaluation() throws {
        try withTemporaryFolder { folder in
            let data = try makeData(folder)
            let place = try TinyFolder.copy(in: folder)
            func evaluate() throws -> EvaluationReport {
                try EvaluationRun(
                    .model(MultimodalModel(place)), on: [data], settings([.describe]),
                    in: "\(folder)/scores"
                ).run()
            }
            let first = try evaluate().scores
            #expect(try evaluate().scores == first)
            // One weight in the middle.
            let decoder = try ModelFolder(place).path(of: "decoder.image")
            let weights = URL(
                filePath: "\(decoder)/unet/diffusion_pytorch_model.safetensors")
            var bytes = try Data(contentsOf: weights)
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: weights)
            let error = #expect(throws: EvaluationError.self) { try evaluate() }
            #expect(error?.description.contains("with another model's files, and") == true)
        }
    }

    @Test func aPictureThatCannotBeReadIsToldAndPassedOver() throws {
        try withTemporaryFolder { folder in
            let data = try makeData(folder)
            try Data("no picture".utf8).write(to: URL(filePath: "\(folder)/p0.png"))
            let report = try EvaluationRun(
                model(), on: [data], settings([.describe]), in: "\(folder)/scores"
            ).run()
            #expect(report.scores.first { $0.by == "ROUGE-L" }?.count == 1)
            #expect(
                report.remarks.contains {
                    $0.hasPrefix(
                        "1 of 2 could not be asked, such as describe/pictures/0: ")
                })
        }
    }

    @Test func anEncoderAloneCanOnlyRetrieve() throws {
        try withTemporaryFolder { folder in
            let data = try makeData(folder)
            let error = #expect(throws: EvaluationError.self) {
                try EvaluationRun(
                    .encoder("\(folder)/none"), on: [data], settings([.make]), in: folder)
            }
            #expect(
                error?.description
                    == "'make' needs a whole model: an encoder alone can do 'retrieve'.")
        }
    }
}
