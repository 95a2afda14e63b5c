import DataPipeline
import Evaluation
import Foundation
import MediaIO
import ModelZoo
import TensorCore
import TestSupport
import Testing

@Suite struct JudgeTests {
    /// Pictures of two colours and a bar on two sides, as datasets of pairs.
    private func makePictures(_ folder: String, _ name: String, _ count: Int) throws
        -> DialogueDataset
    {
        var records: [String] = []
        for number in 0..<count {
            let (isRed, isLeft) = (number % 2 == 0, number / 2 % 2 == 0)
            var pixels: [UInt8] = []
            for index in 0..<256 {
                let isBar = (index % 16 < 8) == isLeft
                let level = UInt8(isBar ? 230 - number : 20 + number)
                pixels += isRed ? [200, level, 40] : [40, level, 200]
            }
            let file = "\(name)-\(number).png"
            try RGBImage(width: 16, height: 16, pixels: pixels).writePNG(to: "\(folder)/\(file)")
            records.append(
                """
                {"image_name": "\(file)",
                "caption": "a bar on the \(isLeft ? "left" : "right"), \(isRed ? "red" : "blue")"}
                """)
        }
        let list = "\(folder)/\(name).json"
        try Data("[\(records.joined(separator: ","))]".utf8).write(to: URL(filePath: list))
        return try DialogueDataset(
            DatasetEntry(
                name: name, format: .pair, type: .imageToText, dataPath: list, mediaRoot: folder))
    }

    private var config: JudgeConfig {
        var config = JudgeConfig(
            .image, slots: Slots(["colour": ["red", "blue"], "place": ["left", "right"]]), size: 16)
        config.channels = [8, 8]
        (config.frameFeatures, config.features) = (16, 8)
        return config
    }

    @Test func learnsWhatRealMediaShowAndIsReadBack() throws {
        try withTemporaryFolder { folder in
            let lessons = try makePictures(folder, "lessons", 64)
            let trial = try makePictures(folder, "trial", 20)
            var kinds: Set<String> = []
            let judge = try JudgeTraining(config, epochs: 40).run(on: [lessons], heldOut: [trial]) {
                switch $0 {
                case .reading: kinds.insert("reading")
                case .learning: kinds.insert("learning")
                case .trying: kinds.insert("trying")
                }
            }
            #expect(kinds == ["reading", "learning", "trying"])
            #expect(judge.record.accuracy.map(\.slot) == ["colour", "place"])
            #expect(judge.record.accuracy.allSatisfy { $0.right == 20 && $0.count == 20 })
            #expect(judge.record.unreliable.isEmpty)
            try judge.write(to: "\(folder)/judge")
            let again = try Judge(folder: "\(folder)/judge")
            #expect(again.record == judge.record)
            let (first, second) = (
                try judge.verdict(on: "\(folder)/trial-3.png"),
                try again.verdict(on: "\(folder)/trial-3.png")
            )
            #expect(first.values == ["colour": "blue", "place": "right"])
            #expect(second.values == first.values)
            #expect(second.features.floats() == first.features.floats())
        }
    }

    @Test func whatIsThrownEndsTheTraining() throws {
        try withTemporaryFolder { folder in
            let lessons = try makePictures(folder, "lessons", 64)
            #expect(throws: CancellationError.self) {
                try JudgeTraining(config).run(on: [lessons], heldOut: []) {
                    if case .learning = $0 { throw CancellationError() }
                }
            }
        }
    }

    @Test func tooFewCaptionsThatFillTheSlotsAreAnError() throws {
        try withTemporaryFolder { folder in
            let lessons = try makePictures(folder, "lessons", 8)
            let error = #expect(throws: EvaluationError.self) {
                try JudgeTraining(config).run(on: [lessons], heldOut: [])
            }
            #expect(
                error?.description.hasPrefix(
                    "lessons: the captions of 8 media (image) fill every slot, expected 64") == true
            )
        }
    }

    @Test func aSpoiltDescriptionIsRefused() throws {
        try withTemporaryFolder { folder in
            let lessons = try makePictures(folder, "lessons", 64)
            let judge = try JudgeTraining(config, epochs: 1).run(on: [lessons], heldOut: [lessons])
            try judge.write(to: "\(folder)/judge")
            let file = URL(filePath: "\(folder)/judge/judge.json")
            let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
            let spoilt = text.replacingOccurrences(of: "\"size\" : 16", with: "\"size\" : 99999999")
            #expect(spoilt != text)
            try Data(spoilt.utf8).write(to: file)
            let error = #expect(throws: ConfigError.self) { try Judge(folder: "\(folder)/judge") }
            #expect(error?.description.contains("sizes that no judge has") == true)
        }
    }

    @Test func aJudgeThatIsOftenWrongSaysSo() throws {
        let accuracy = JudgeRecord.Accuracy(slot: "place", right: 96, count: 100)
        #expect(accuracy.share < JudgeRecord.required)
        #expect(accuracy.interval == Interval.wilson(96, of: 100))
    }
}
