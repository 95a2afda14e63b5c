import DataPipeline
import Foundation
import TensorCore
import TestSupport
import Testing

@Suite struct RecordFileTests {
    /// The captions of a file's records, and where they stand.
    private func captions(_ text: String, _ name: String) throws -> [String] {
        try withTemporaryFolder { folder in
            let file = try RecordFile(contentsOf: write(text, name, in: folder))
            return try (0..<file.count).map { index in
                let record = try file.record(index)
                return "\(record.place.line ?? 0) \(record.fields["caption"]?.text ?? "-")"
            }
        }
    }

    private func failure(_ text: String, _ name: String = "a.json") -> String {
        do {
            return try captions(text, name).joined()
        } catch {
            return "\(error)"
        }
    }

    @Test func findsTheRecordsOfAnArrayAndTheirLines() throws {
        let text = """
            \u{FEFF}[ {"caption": "one"},
              {"caption": "two \\"quoted\\" ] } , [",
               "n": {"m": [1, {"x": null}]}}
            ,{"caption":"three"} ]

            """
        #expect(try captions(text, "a.json") == ["1 one", "2 two \"quoted\" ] } , [", "4 three"])
        #expect(try captions("[]", "a.json").isEmpty)
        #expect(
            try captions("{\"caption\": \"a\"}\n{\"caption\":\n\"b\"}\n", "a.json") == [
                "1 a", "2 b",
            ])
    }

    @Test func findsRecordsAcrossPiecesOfTheFile() throws {
        // More than a megabyte: records lie across the borders of what is read at once.
        let filler = String(repeating: "x\\\\\\\"]", count: 4_000)
        let records = (0..<50).map { "{\"caption\": \"\($0)\", \"filler\": \"\(filler)\"}" }
        let text = "[" + records.joined(separator: ",\n") + "]"
        #expect(try captions(text, "a.json") == (0..<50).map { "\($0 + 1) \($0)" })
        let lines = records.joined(separator: "\n")
        #expect(try captions(lines, "a.jsonl") == (0..<50).map { "\($0 + 1) \($0)" })
    }

    @Test func readsALineAtATimeAndPassesOverBlankOnes() throws {
        let text = "{\"caption\": \"a\"}\r\n\n  \n{\"caption\": \"b\"}"
        #expect(try captions(text, "a.jsonl") == ["1 a", "4 b"])
    }

    @Test func readsTablesWithQuotesAndLineBreaks() throws {
        let text = "\u{FEFF}id,caption\r\n1,plain\r\n2,\"a, \"\"b\"\"\nc\"\r\n\r\n3,\r\n4,d \"e\""
        #expect(
            try captions(text, "a.csv")
                == ["2 plain", "3 a, \"b\"\nc", "6 ", "7 d \"e\""])
    }

    @Test func readsTabsWhereAMarkMayBeOnlyAMark() throws {
        let text = "caption\turl\n\"quoted\"\thttp://a\n\"half\thttp://b\n\"a\" b\thttp://c\n"
        #expect(try captions(text, "a.tsv") == ["2 quoted", "3 \"half", "4 \"a\" b"])
    }

    @Test func namesTheColumnsOfATableThatHasNoNames() throws {
        try withTemporaryFolder { folder in
            let path = try write(
                "a cat\thttp://x/1.jpg\na dog\thttp://x/2.jpg\n", "a.tsv", in: folder)
            let file = try RecordFile(contentsOf: path, columns: ["caption", "url"])
            #expect(file.count == 2)
            #expect(try file.record(1).fields["url"]?.text == "http://x/2.jpg")
        }
    }

    @Test(arguments: [
        ("[{\"caption\": \"a\"}, {\"capt", ":1: found the end of the file within record 1"),
        ("[{\"caption\": \"a\"}", ":1: found the end of the file after 1 records, expected ']'"),
        ("[{}] x", "found 'x', expected nothing after the array"),
        ("[{},]", "found ']', expected a record"), ("", "after 0 records, expected ']'"),
        ("[\n{}\n{}]", ":3: found '{', expected ',' or ']' after record 0"),
        ("\"text\"", "found '\"', expected '[', the beginning of an array of records"),
        ("[1, 2]", "record 0: found the number 1, expected an object"),
        ("[{\"a\": 1, \"a\": 2}]", "record 0: found 'a' twice, expected each name once"),
        ("[{\"a\": {\"b\": 1, \"b\": 2}}]", "found 'b' twice"),
        ("[{\"a\": 1]}]", "found '}', expected ',' or ']' after record 0"),
        ("[{\"a\": \"\u{1}\"}]", "a control character"),
        ("[{\"a\": nan}]", "record 0: found unknown word"),
    ])
    func saysWhatIsWrongWithJSON(_ text: String, _ part: String) {
        let found = failure(text)
        #expect(found.contains(part), "\(found)")
    }

    @Test(arguments: [
        ("a,b\n1\n", "record 0: found 1 fields, expected 2 (a, b)"),
        ("a,\"b\nc\"\n1\n", "record 0: found 1 fields, expected 2 (a, b c)"),
        ("a,b\n1,\"x\n\n", ":2: found a field in quotation marks without an end"),
        ("a,b\n1,\"x\"y\n", "record 0: found text after a closing quotation mark"),
        ("a,a\n1,2\n", ":1: found two columns named 'a'"), ("\n\n", "found an empty table"),
    ])
    func saysWhatIsWrongWithTables(_ text: String, _ part: String) {
        let found = failure(text, "a.csv")
        #expect(found.contains(part), "\(found)")
    }

    @Test func aBadLineLeavesTheOthersAlone() throws {
        try withTemporaryFolder { folder in
            let path = try write(
                "{\"caption\": \"a\"}\n{broken\n{\"caption\": \"b\"}", "a.jsonl", in: folder)
            let file = try RecordFile(contentsOf: path)
            #expect(file.count == 3)
            #expect(try file.record(2).fields["caption"]?.text == "b")
            #expect(throws: DatasetError.self) { try file.record(1) }
        }
    }

    @Test func refusesDeepAndLongRecords() throws {
        let deep =
            "[" + String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_001)
        #expect(failure(deep).contains("nested too deeply"))
        let objects = "[" + String(repeating: "{\"a\":", count: 50_000) + "1"
        #expect(failure(objects).contains("within record 0"))
        try withTemporaryFolder { folder in
            let long = "[{\"caption\": \"" + String(repeating: "a", count: 3 << 20)
            for name in ["a.json", "a.jsonl", "a.csv"] {
                let path = try write(long, name, in: folder)
                let error = #expect(throws: DatasetError.self) {
                    try RecordFile(contentsOf: path, limits: RecordLimits(recordBytes: 1 << 20))
                }
                #expect(error?.description.contains("more than 1048576 bytes") == true)
            }
        }
    }

    @Test func refusesFoldersPipesAndMissingFiles() throws {
        try withTemporaryFolder { folder in
            #expect(mkfifo("\(folder)/pipe.json", 0o600) == 0)
            for (name, reason) in [
                ("", "it is a folder"), ("/none.json", "no such file"),
                ("/pipe.json", "it is no ordinary file"),
            ] {
                let error = #expect(throws: DatasetError.self) {
                    try RecordFile(contentsOf: folder + name)
                }
                #expect(error?.description.contains(reason) == true, "\(name)")
            }
        }
    }

    /// The records as everything that they may be meant as.
    private func datasets(of records: RecordSet, at path: String) -> [DialogueDataset] {
        let meanings: [(DatasetFormat, DatasetType)] = [
            (.pair, .imageToText), (.pair, .textToVideo), (.t2x, .textToAudio),
            (.tx2t, .imageToText), (.mosit, .anyToAny),
        ]
        return meanings.map { format, type in
            let entry = DatasetEntry(
                name: "s", format: format, type: type, dataPath: path, mediaRoot: "/nowhere")
            return DialogueDataset(entry, records: records)
        }
    }

    @Test func survivesMutatedFilesOfEveryFormat() throws {
        try withTemporaryFolder { folder in
            var random = Mutations(seed: 11)
            for (name, bytes) in mutationSources {
                for number in 0..<150 {
                    var mutated = random.mutated(bytes)
                    if name == "a.tar", number.isMultiple(of: 2) {
                        mutated = withTarChecksums(mutated)
                    }
                    let path = try write(mutated, name, in: folder)
                    // Whatever it is, it is read or refused by an error of ours.
                    do {
                        let records = try RecordSet(contentsOf: path)
                        for index in 0..<records.count {
                            do { _ = try records.record(index) } catch is DatasetError {}
                            for dataset in datasets(of: records, at: path) {
                                do { _ = try dataset.sample(index) } catch is DatasetError {}
                            }
                        }
                    } catch is DatasetError {}
                }
            }
        }
    }
}
