import DataPipeline
import Dialogue
import Foundation
import MediaIO
import ModelZoo
import TestSupport
import Testing

@Suite struct DatasetPreparationTests {
    private func entry(
        _ folder: String, _ format: DatasetFormat, _ type: DatasetType, raw: String = "none.json",
        file: String = "set.json"
    ) -> DatasetEntry {
        DatasetEntry(
            name: "set", format: format, type: type, dataPath: "\(folder)/\(file)",
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

    @Test func writesLinesWhereTheCatalogReadsLines() throws {
        try withTemporaryFolder { folder in
            let lines =
                #"{"instruction": "a", "output": "b"}"# + "\n"
                + #"{"instruction": "c\nd", "output": "e"}"# + "\n"
            try write(lines, "set.jsonl", in: folder)
            let entry = entry(folder, .tx2t, .textToText, file: "set.jsonl")
            let before = try samples(entry).map(\.messages)
            let raw = "\(folder)/set.raw.jsonl"
            #expect(
                try DatasetPreparation(entry).run()
                    == .converted(from: raw, records: 2, leftOut: 0))
            #expect(try samples(entry).map(\.messages) == before)
            #expect(try DatasetPreparation(entry).run() == .ready)
            #expect(try samples(entry).map(\.messages) == before)
            #expect(try String(contentsOfFile: raw, encoding: .utf8) == lines)
        }
    }

    @Test func leavesTablesAndShardsAsTheyAre() throws {
        try withTemporaryFolder { folder in
            try write("instruction,output\na,b\n", "set.csv", in: folder)
            let shard = archive([TarEntry("0.json", #"{"instruction": "a", "output": "b"}"#)])
            try write(shard, "set.tar", in: folder)
            for file in ["set.csv", "set.tar"] {
                let entry = entry(folder, .tx2t, .textToText, file: file)
                let bytes = try Data(contentsOf: URL(filePath: entry.dataPath))
                #expect(try DatasetPreparation(entry).run() == .ready)
                #expect(try Data(contentsOf: URL(filePath: entry.dataPath)) == bytes)
                #expect(try samples(entry)[0].messages[1].text == "b")
            }
        }
    }

    @Test(arguments: ["set.csv", "set.tsv", "set.tar"])
    func refusesToWriteTablesAndShards(_ file: String) throws {
        try withTemporaryFolder { folder in
            try write(#"[{"instruction": "a", "output": "b"}]"#, "raw.json", in: folder)
            let entry = entry(folder, .tx2t, .textToText, raw: "raw.json", file: file)
            let error = #expect(throws: DatasetError.self) { try DatasetPreparation(entry).run() }
            #expect(
                error?.description.replacing(folder, with: "F")
                    == "F/\(file): found a name of a .\(file.suffix(3)) file, expected .json or "
                    + ".jsonl, which F/raw.json can be converted to. Give 'set' another data_path "
                    + "in the catalog.")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["raw.json"])
        }
    }

    @Test func neverReplacesAnEarlierOriginal() throws {
        try withTemporaryFolder { folder in
            let published = #"[{"instruction": "a", "output": "b"}]"#
            try write(published, "set.json", in: folder)
            try write("the only one", "set.raw.json", in: folder)
            let error = #expect(throws: DatasetError.self) {
                try DatasetPreparation(entry(folder, .tx2t, .textToText)).run()
            }
            #expect(
                error?.description.replacing(folder, with: "F")
                    == "F/set.raw.json: found an earlier file, expected none: 'set.json' is as "
                    + "published and would be kept under that name. Move one of the two away.")
            func text(_ name: String) throws -> String {
                try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            }
            #expect(try text("set.raw.json") == "the only one")
            #expect(try text("set.json") == published)
        }
    }

    @Test func keepsEveryMediumOfAQuestion() throws {
        try withTemporaryFolder { folder in
            let published = """
                [{"id": "1", "image": ["a.jpg", "b.jpg"], "conversations": [
                  {"from": "human", "value": "<image> <image> Which?"},
                  {"from": "gpt", "value": "Both."}]}]
                """
            try write(published, "set.json", in: folder)
            let entry = entry(folder, .tx2t, .imageToText)
            let before = try samples(entry)
            #expect(before[0].media.count == 2)
            #expect(
                try DatasetPreparation(entry).run()
                    == .converted(from: "\(folder)/set.raw.json", records: 1, leftOut: 0))
            let after = try samples(entry)
            #expect(after.map(\.messages) == before.map(\.messages))
            #expect(after.map(\.media) == before.map(\.media))
        }
    }

    /// Its answer's embedding is filed under a name that the format has no place for.
    @Test func leavesOutWhatTheUnifiedFormatCannotHold() throws {
        try withTemporaryFolder { folder in
            func record(_ name: String) -> String {
                """
                {"mm_name": "\(name)", "image_name": "a.jpg", "conversations": [
                  {"from": "human", "value": "x", "input_modality": "image"},
                  {"from": "gpt", "value": "y", "caption": "c", "output_modality": "image"}]}
                """
            }
            try write("[\(record("a.jpg")), \(record("out.jpg"))]", "set.json", in: folder)
            let entry = entry(folder, .tx2t, .imageToText)
            #expect(
                try DatasetPreparation(entry).run()
                    == .converted(from: "\(folder)/set.raw.json", records: 1, leftOut: 1))
            let list = try String(contentsOfFile: "\(folder)/set.left-out.jsonl", encoding: .utf8)
            #expect(
                list.contains("record 1: found targets that the unified format has no place for"))
            #expect(try samples(entry)[0].targets.map(\.name) == ["a.jpg"])
        }
    }

    @Test func doesNotConvertMosIT() throws {
        try withTemporaryFolder { folder in
            try write("[]", "raw.json", in: folder)
            let error = #expect(throws: DatasetError.self) {
                try DatasetPreparation(
                    entry(folder, .mosit, .anyToAny, raw: "raw.json")
                ).run()
            }
            #expect(
                error?.description.replacing(folder, with: "F")
                    == "F/raw.json: found a MosIT file, expected it at F/set.json: it is read as "
                    + "published. Move it there, or name it as data_path in the catalog.")
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

    @Test func theListOfWhatWasLeftOutIsThatOfTheLastRun() throws {
        try withTemporaryFolder { folder in
            try write("a cat\thttp://x/1\na dog\thttp://x/2\n", "raw.tsv", in: folder)
            try write("x", "media/other.jpg", in: folder)
            let entry = entry(folder, .pair, .imageToText, raw: "raw.tsv")
            let list = "\(folder)/set.left-out.jsonl"
            let error = #expect(throws: DatasetError.self) { try DatasetPreparation(entry).run() }
            #expect(
                error?.description.replacing(folder, with: "F")
                    == "F/raw.tsv: found 2 records, none of which can be used, expected some. Are "
                    + "the media where the catalog says? F/set.left-out.jsonl names each and says "
                    + "why.")
            let lines = try String(contentsOfFile: list, encoding: .utf8).split(separator: "\n")
            #expect(lines.count == 2)
            try write("x", "media/000000000.jpg", in: folder)
            try write("x", "media/000000001.jpg", in: folder)
            #expect(
                try DatasetPreparation(entry).run()
                    == .converted(from: "\(folder)/raw.tsv", records: 2, leftOut: 0))
            #expect(!FileManager.default.fileExists(atPath: list))
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(names.sorted() == ["media", "raw.tsv", "set.json"])
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
