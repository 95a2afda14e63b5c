import Foundation
import MediaIO
import TestSupport
import Testing

/// `southgpt-preprocess` as its users run it.
@Suite struct PreprocessToolTests {
    /// A folder with a catalog of its own and the files named.
    private func withData(
        _ files: [String: String], catalog: String, _ body: (String) throws -> Void
    ) throws {
        try withTemporaryFolder { folder in
            try FileManager.default.createDirectory(
                atPath: "\(folder)/media", withIntermediateDirectories: true)
            try RGBImage(width: 9, height: 7, pixels: [UInt8](repeating: 90, count: 189))
                .writePNG(to: "\(folder)/media/a.png")
            for (name, text) in files {
                try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
            }
            try Data(catalog.utf8).write(to: URL(filePath: "\(folder)/own.yaml"))
            try body(folder)
        }
    }

    private func preprocess(_ folder: String, _ arguments: [String]) -> BuiltTool {
        // The package's own catalog is not there to be found, and need not be.
        BuiltTool("southgpt-preprocess", in: folder, arguments + ["--catalog", "own.yaml", "-q"])
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }

    private func listed(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    private let pairs = """
        pictures:
          loader: pair
          type: ImageToText
          data_path: pictures.json
          mm_root_path: media
        """

    @Test func reportsAndShowsWhatIsThere() throws {
        let long = String(repeating: "word ", count: 600)
        let records = """
            [{"image_name": "a.png", "caption": "a <b>wall</b>"},
             {"image_name": "gone.png", "caption": "gone"},
             {"image_name": "a.png", "caption": "\(long)"}]
            """
        try withData(["pictures.json": records], catalog: pairs) { folder in
            let made = try BuiltTool.run(
                "southgpt-checkpoint", in: folder, "init", "--preset", "tiny", "--output", "m")
            #expect(made.status == 0, "\(made.errors)")
            let model = ["pictures", "--tokenizer", "m/pretrained_ckpt/vicuna_ckpt/tiny"]
            let outcome = try preprocess(folder, model + ["--report", "out/r.json"]).outcome()
            #expect(outcome.status == 1, "\(outcome.errors)")
            #expect(outcome.output.contains("3, 2 usable"))
            #expect(outcome.output.contains("missingMedia        1"))
            // Two are whole; the long one loses its end at 512 tokens, and still teaches.
            #expect(outcome.output.contains("sequences cutRight  1"), "\(outcome.output)")
            let json = try text("\(folder)/out/r.json")
            let report =
                try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
            let datasets = report?["datasets"] as? [[String: Any]]
            #expect(datasets?[0]["tokensAreEstimated"] as? Bool == false)
            #expect((datasets?[0]["fits"] as? [String: Int])?["whole"] == 2)
            #expect(try text("\(folder)/out/r.html").contains("data:image/jpeg;base64,"))
            let shown = try preprocess(folder, model + ["--show", "0", "--json"]).outcome()
            #expect(shown.status == 0, "\(shown.errors)")
            let table = try JSONSerialization.jsonObject(with: Data(shown.output.utf8))
            let rows =
                (((table as? [String: Any])?["shown"] as? [[String: Any]])?[0])?["rows"]
                as? [[String: Any]]
            #expect(rows?.contains { $0["text"] as? String == "<image a.png>" } == true)
            #expect(rows?.contains { $0["label"] as? Int != -100 } == true)
            // A model folder says itself where its tokenizer is.
            let whole = ["pictures", "--tokenizer", "m", "--show", "0", "--json"]
            #expect(try preprocess(folder, whole).outcome().output == shown.output)
            let absent = ["pictures", "--tokenizer", "media", "--show", "0"]
            #expect(
                try preprocess(folder, absent).outcome().errors.contains(
                    "media/tokenizer.model: cannot be read"))
        }
    }

    @Test func oneDamagedDatasetHidesNoOther() throws {
        let catalog = """
            \(pairs)
            damaged:
              loader: pair
              type: ImageToText
              data_path: damaged.json
              mm_root_path: media
            """
        let files = [
            "pictures.json": #"[{"image_name": "a.png", "caption": "a wall"}]"#,
            "damaged.json": #"[{"image_name": "a.png", "cap"#,
        ]
        try withData(files, catalog: catalog) { folder in
            let outcome = try preprocess(folder, ["--report", "r"]).outcome()
            #expect(outcome.status == 1)
            #expect(outcome.output.contains("damaged.json:1: found "), "\(outcome.output)")
            #expect(outcome.output.contains("1, 1 usable"))
            #expect(try text("\(folder)/r.json").contains(#""failure" : "damaged.json:1: found"#))
            #expect(try text("\(folder)/r.html").contains("<p class=\"bad\">damaged.json:1: "))
            let other = try preprocess(folder, ["pictures"]).outcome()
            #expect(other.status == 0, "\(other.errors)")
        }
    }

    /// Blamed on the folder for temporary files, not on the sample that met it.
    @Test func withoutScratchSpaceNoSampleIsNamed() throws {
        let catalog = pairs.replacing("pictures.json", with: "s.tar")
        try withData([:], catalog: catalog) { folder in
            try Data("a wall".utf8).write(to: URL(filePath: "\(folder)/media/a.txt"))
            let packing = try Process.run(
                URL(filePath: "/usr/bin/env"),
                arguments: ["tar", "-C", "\(folder)/media", "-cf", "\(folder)/s.tar"]
                    + ["a.png", "a.txt"])
            packing.waitUntilExit()
            let whole = try preprocess(folder, ["pictures"]).outcome()
            #expect(whole.status == 0, "\(whole.errors)")
            let tool = preprocess(folder, ["pictures"])
            tool.process.environment?["TMPDIR"] = "/nowhere"
            let outcome = try tool.outcome()
            #expect(outcome.status == 1)
            #expect(!outcome.output.contains("missingMedia"))
            #expect(
                outcome.errors
                    == "error: /nowhere: found no way to copy a shard's medium there (no such file "
                    + "or directory), expected room for one. Free some, or name another folder by "
                    + "TMPDIR.\n")
        }
    }

    /// A catalog of one file.
    private static let long = """
        long:
          loader: tx2t
          type: TextToText
          data_path: long.jsonl
        """

    /// A converted file of 40 MB, and the moment when some of it is written.
    @Test func anInterruptedConversionLeavesNothingBehind() throws {
        let record = #"{"instruction": "\#(String(repeating: "a", count: 380))", "output": "b"}"#
        let lines = String(repeating: record + "\n", count: 100_000)
        try withData(["long.jsonl": lines], catalog: Self.long) { folder in
            let tool = preprocess(folder, ["long"])
            tool.process.standardError = FileHandle.nullDevice
            try tool.process.run()
            while tool.process.isRunning {
                let isWriting = try listed(folder).contains { name in
                    let attributes = try? FileManager.default.attributesOfItem(
                        atPath: "\(folder)/\(name)")
                    return name.hasPrefix(".long.") && (attributes?[.size] as? Int ?? 0) > 0
                }
                if isWriting { break }
                usleep(200)
            }
            kill(tool.process.processIdentifier, SIGINT)
            tool.process.waitUntilExit()
            #expect(tool.process.terminationStatus == 130)
            #expect(try listed(folder) == ["long.raw.jsonl", "media", "own.yaml"])
            // What was published is whole, and the next run goes on from there.
            #expect(try text("\(folder)/long.raw.jsonl") == lines)
        }
    }

    /// The same error that a full disk gives: a limit on the size of files.
    @Test func aFullDiskIsNamedAndLeavesWhatWasThere() throws {
        let record = #"{"instruction": "a", "output": "\#(String(repeating: "b", count: 900))"}"#
        let lines = String(repeating: record + "\n", count: 2_000)
        try withData(["long.jsonl": lines], catalog: Self.long) { folder in
            let tool = preprocess(folder, ["long"])
            let path = try #require(tool.process.executableURL?.path)
            tool.process.executableURL = URL(filePath: "/bin/sh")
            // Blocks of 512 bytes.
            tool.process.arguments =
                ["-c", #"trap "" XFSZ; ulimit -f 1024; exec "$0" "$@""#, path]
                + (tool.process.arguments ?? [])
            let outcome = try tool.outcome()
            #expect(outcome.status == 1)
            #expect(
                outcome.errors
                    == "error: long.jsonl: cannot be written: File too large. Is there room, and may "
                    + "you write there?\n")
            #expect(try listed(folder) == ["long.raw.jsonl", "media", "own.yaml"])
            #expect(try text("\(folder)/long.raw.jsonl") == lines)
        }
    }
}
