import DataPipeline
import Dialogue
import Foundation
import MediaIO
import ModelZoo
import TestSupport
import Testing

@Suite struct DatasetPreparationTests {
    private func entry(
        _ folder: String, _ format: DatasetFormat, _ type: DatasetType, raw: String = "none.json"
    ) -> DatasetEntry {
        DatasetEntry(
            name: "set", format: format, type: type, dataPath: "\(folder)/set.json",
            rawPaths: ["\(folder)/\(raw)"], mediaRoot: "\(folder)/media")
    }

    private func samples(_ entry: DatasetEntry) throws -> [DialogueSample] {
        let dataset = try DialogueDataset(entry)
        return try (0..<dataset.count).map { try dataset.sample($0) }
    }

    @Test func convertsAPublishedFileWhereTheCatalogReadsAndKeepsIt() throws {
        try withTemporaryFolder { folder in
            let published = #"[{"instruction": "Say \"a\"", "input": "b", "output": "c\n"}]"#
            try write(published, "set.json", in: folder)
            let entry = entry(folder, .tx2t, .textToText)
            let before = try samples(entry).map(\.messages)
            let raw = "\(folder)/set.raw.json"
            let outcome = try DatasetPreparation(entry).run()
            #expect(outcome == .converted(from: raw, records: 1, leftOut: 0))
            #expect(try samples(entry).map(\.messages) == before)
            #expect(try String(contentsOfFile: raw, encoding: .utf8) == published)
            let text = try String(contentsOfFile: entry.dataPath, encoding: .utf8)
            #expect(text.contains(#""image_name": "00000000000", "output_modality": "text""#))
            // A second run finds it done.
            #expect(try DatasetPreparation(entry).run() == .ready)
        }
    }

    @Test func leavesOutWhatWasNotDownloaded() throws {
        try withTemporaryFolder { folder in
            try write(
                "a cat\thttp://x/1\na dog\thttp://x/2\n\"q\"\thttp://x/3\n", "raw.tsv", in: folder)
            try write("x", "media/000000000.jpg", in: folder)
            try write("x", "media/00000/000000002.jpg", in: folder)
            let entry = entry(folder, .pair, .imageToText, raw: "raw.tsv")
            let outcome = try DatasetPreparation(entry).run()
            #expect(outcome == .converted(from: "\(folder)/raw.tsv", records: 2, leftOut: 1))
            let list = try String(contentsOfFile: "\(folder)/set.left-out.jsonl", encoding: .utf8)
            #expect(list.split(separator: "\n").count == 1)
            #expect(list.contains(#""record":1"#) && list.contains("000000001.jpg: found no such"))
            #expect(
                try samples(entry).map { $0.media[0].name }
                    == ["000000000.jpg", "00000/000000002.jpg"])
        }
    }

    @Test func saysWhereItLooked() throws {
        let entry = entry("/nowhere", .tx2t, .textToText)
        #expect(
            try DatasetPreparation(entry).run()
                == .absent(
                    looked: ["/nowhere/set.json", "/nowhere/set.raw.json", "/nowhere/none.json"]))
    }

    @Test func reportsWhatIsWrongWithEachRecord() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            component: "southgpt-\(UUID().uuidString)"
        ).path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write("not a picture", "media/bad.jpg", in: folder)
        try RGBImage(width: 9, height: 7, pixels: [UInt8](repeating: 90, count: 189))
            .writePNG(to: "\(folder)/media/good.png")
        let lines = [
            #"{"image_name": "good.png", "caption": "a <b>wall</b>"}"#,
            #"{"image_name": "bad.jpg", "caption": "broken"}"#,
            #"{"image_name": "gone.jpg", "caption": "gone"}"#,
            #"{"image_name": "../../x.jpg", "caption": "out"}"#,
            #"{"image_name": "good.png", "caption": "a <b>wall</b>"}"#,
            #"{"image_name": "good.png"}"#,
        ]
        try write("[" + lines.joined(separator: ",\n") + "]", "set.json", in: folder)
        let dataset = try DialogueDataset(entry(folder, .pair, .imageToText))
        let report = try await DatasetValidation(dataset, layout: nil, media: .all).run()
        #expect(report.records == 6)
        #expect(report.usable == 2)
        #expect(
            report.faults == ["badRecord": 1, "corruptMedia": 1, "missingMedia": 2, "duplicate": 1])
        #expect(report.problems.map { $0.place.line } == [2, 3, 4, 5, 6])
        #expect(report.problems[1].detail.contains("gone.jpg: found no such file"))
        #expect(report.media == ["image": 5])
        // The one that is gone and the one outside were not there to be decoded.
        #expect(report.decodedMedia == 3)
        #expect(report.captionLengths.records == 5)
        var page = ReportPage()
        page.add(report, dataset)
        #expect(page.html.contains("data:image/jpeg;base64,"))
        #expect(page.html.contains("a &lt;b&gt;wall"))
        #expect(!page.html.contains("<b>wall"))
    }
}

@Suite(.enabled(if: TestData.has("llama/tokenizer.model"), "SOUTHGPT_TEST_DATA has LLaMA's model"))
struct SampleTableTests {
    /// Every row of the published table: how many positions are masked, how many learnt.
    @Test func showsTheLayoutOfEveryStage() throws {
        let tokens = SignalTokens()
        let layout = try SequenceLayout(
            LLaMATokenizer(folder: TestData.path("llama")).adding(tokens.allNames), tokens)
        func table(
            _ json: String, _ format: DatasetFormat, _ type: DatasetType
        ) throws -> SampleTable {
            try withTemporaryFolder { folder in
                let dataset = try DialogueDataset(
                    DatasetEntry(
                        name: "s", format: format, type: type,
                        dataPath: write(json, "s.json", in: folder), mediaRoot: folder))
                return try SampleTable(dataset.sample(0), layout: layout, maxLength: 512)
            }
        }
        func masked(_ table: SampleTable) -> Int { table.rows.count { $0.label == -100 } }

        let first = try table(
            #"[{"audio_name": "a.wav", "caption": "a dog"}]"#, .pair, .audioToText)
        // BOS, ### Human : <Img>, E, </Img>, "generate a caption", ⏎ # # # Assistant : and a space.
        #expect(first.rows.prefix(7).map(\.id) == [1, 835, 12968, 29901, 32000, nil, 32001])
        #expect(first.rows.suffix(5).map(\.label) == [263, 11203, 13, 2277, 29937])
        #expect(masked(first) == first.rows.count - 5)

        let second = try table(
            #"[{"image_name": "a.jpg", "caption": "a dog"}]"#, .pair, .textToImage)
        #expect(
            second.rows.filter { $0.label != -100 }.map(\.label)
                == [263, 11203, 32002, 32003, 32004, 32005, 835])
        #expect(second.targets == ["image: a dog"])
        #expect(second.description.contains("7 learnt"))

        let third = try table(
            #"[{"image_name": "a.jpg", "conversation": [{"from": "human", "value": "x", "input_modality": "image"}, {"from": "gpt", "value": "a dog"}, {"from": "human", "value": "y"}, {"from": "gpt", "value": "a dog"}]}]"#,
            .tx2t, .imageToText)
        #expect(third.rows.filter { $0.label != -100 }.map(\.label).count == 10)
        #expect(third.rows.count { $0.id == nil } == 1)
    }
}
