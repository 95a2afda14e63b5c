import DataPipeline
import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

@Suite struct EmbeddingRunTests {
    /// An encoder whose embeddings tell captions apart: their lengths, then their first bytes.
    private func encode(_ captions: [String]) -> [Tensor] {
        captions.map { caption in
            let bytes = caption.utf8.prefix(5).map { Float($0) }
            let values = [Float(caption.utf8.count)] + bytes
            return Tensor(values + [Float](repeating: 0, count: 6 - values.count), [2, 3])
        }
    }

    private func pairs(_ pairs: [(String, String)]) -> String {
        "["
            + pairs.map { name, caption in
                let name = String(
                    decoding: (try? JSONEncoder().encode(name)) ?? Data(), as: UTF8.self)
                return "{\"image_name\": \(name), \"caption\": \"\(caption)\"}"
            }.joined(separator: ",\n") + "]"
    }

    @discardableResult
    private func run(
        _ text: String, in folder: String, file: String = "c.json", model: String = "m@1",
        modality: Modality = .image, batch: Int = 4, replace: Bool = false,
        encode: (([String]) throws -> [Tensor])? = nil
    ) throws -> EmbeddingRun.Report {
        let path = try write(text, file, in: folder)
        var run = try EmbeddingRun(
            CaptionFile(path, modality: modality), folder: "\(folder)/embed", model: model,
            shape: [2, 3], replacesUnlisted: replace)
        return try run.run(batchSize: batch, encode: encode ?? self.encode)
    }

    private func value(
        _ caption: String, _ name: String, in folder: String, _ modality: Modality = .image
    ) throws -> [Float] {
        try EmbeddingStore("\(folder)/embed").embedding(
            for: CaptionTarget(modality: modality, caption: caption, name: name)
        ).floats()
    }

    private func files(_ folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/embed")) ?? [])
            .filter { $0.hasSuffix(".npy") }.sorted()
    }

    @Test func makesWhatIsMissingAndNothingTwice() throws {
        try withTemporaryFolder { folder in
            let captions = (0..<11).map { ("\($0).jpg", String(repeating: "a", count: $0 + 1)) }
            let first = try run(pairs(captions), in: folder)
            #expect((first.made, first.present, first.failed) == (11, 0, 0))
            for (name, caption) in captions {
                #expect(try value(caption, name, in: folder) == encode([caption])[0].floats())
            }
            #expect(files(folder).count == 11)
            let header = try Data(contentsOf: URL(filePath: "\(folder)/embed/3.jpg.npy"))
            #expect(header.count == 128 + 12)
            #expect(
                String(decoding: header.dropFirst(10).prefix(58), as: UTF8.self)
                    == "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }".prefix(58))
            // `pony` begins and ends with the letters that the original strips from names.
            let more = pairs(captions + [("pony.npy", "b"), ("pony", "c")])
            var asked: [String] = []
            let second = try run(more, in: folder) { captions in
                asked += captions
                return encode(captions)
            }
            #expect((second.made, second.present) == (2, 11))
            #expect(asked.sorted() == ["b", "c"])
            #expect(files(folder).contains("pony.npy.npy") && files(folder).contains("pony.npy"))
            #expect(try value("b", "pony.npy", in: folder)[1] == 98)
            #expect(try value("c", "pony", in: folder)[1] == 99)
        }
    }

    @Test func makesAgainWhatHasChangedSince() throws {
        try withTemporaryFolder { folder in
            try run(pairs([("a.jpg", "one"), ("b.jpg", "two")]), in: folder)
            let changed = try run(pairs([("a.jpg", "three"), ("b.jpg", "two")]), in: folder)
            #expect((changed.made, changed.present, changed.replaced) == (1, 1, 1))
            #expect(try value("three", "a.jpg", in: folder)[0] == 5)
            #expect(files(folder) == ["a.jpg.npy", "b.jpg.npy"])
            #expect(throws: EmbeddingError.self) { try value("one", "a.jpg", in: folder) }
            let other = try run(
                pairs([("a.jpg", "three"), ("b.jpg", "two")]), in: folder, model: "m@2")
            #expect((other.made, other.replaced) == (2, 2))
            // A file cut short by somebody is no embedding.
            try Data([1, 2, 3]).write(to: URL(filePath: "\(folder)/embed/b.jpg.npy"))
            let mended = try run(
                pairs([("a.jpg", "three"), ("b.jpg", "two")]), in: folder, model: "m@2")
            #expect((mended.made, mended.present) == (1, 1))
        }
    }

    @Test func everyCaptionOfANameHasItsOwnFile() throws {
        try withTemporaryFolder { folder in
            let twice = pairs([("a.jpg", "one"), ("a.jpg", "second"), ("x/a.jpg", "third one")])
            let report = try run(twice, in: folder)
            #expect((report.made, report.renamed) == (3, 2))
            #expect(try value("one", "a.jpg", in: folder)[0] == 3)
            #expect(try value("second", "a.jpg", in: folder)[0] == 6)
            #expect(try value("third one", "x/a.jpg", in: folder)[0] == 9)
            #expect(try run(twice, in: folder).present == 3)
            // Another file's captions leave them alone.
            try run(pairs([("a.jpg", "of others")]), in: folder, file: "d.json")
            #expect(try value("one", "a.jpg", in: folder)[0] == 3)
            #expect(try value("of others", "a.jpg", in: folder)[0] == 9)
            #expect(try run(twice, in: folder).present == 3)
        }
    }

    @Test func captionFilesOfOneNameLeaveOneAnotherAlone() throws {
        try withTemporaryFolder { folder in
            try run(pairs([("a.jpg", "one")]), in: folder, file: "v1/data/train.json")
            let other = try run(
                pairs([("a.jpg", "second")]), in: folder, file: "v2/data/train.json")
            #expect((other.made, other.replaced) == (1, 0))
            #expect(try value("one", "a.jpg", in: folder)[0] == 3)
            #expect(try value("second", "a.jpg", in: folder)[0] == 6)
            // One that is named in another way is itself.
            let same = try run(
                pairs([("a.jpg", "three")]), in: folder, file: "v2/../v1/data/train.json")
            #expect((same.made, same.replaced) == (1, 1))
        }
    }

    @Test(arguments: [
        "https://x.com/a.jpg?size=1&b", "../../../etc/passwd", "a/../b.jpg", "a\\b.jpg", "..", ".",
        ".hidden.jpg", "tab\there.jpg", "line\nbreak.jpg", "nul\u{0}.jpg", "index.tsv", "index",
        "日本 é.jpg", "\"quoted\".jpg", String(repeating: "long", count: 200) + ".jpg",
        String(repeating: "é", count: 124), "/absolute/a.jpg", "trailing/", "\u{202E}gpj.exe",
        "%s%n",
    ])
    func noNameLeavesTheFolder(_ name: String) throws {
        try withTemporaryFolder { folder in
            let report = try run(pairs([(name, "one"), ("z.jpg", "two")]), in: folder)
            #expect(report.made == 2)
            #expect(try value("one", name, in: folder)[0] == 3)
            #expect(files(folder).count == 2)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)
            #expect(try run(pairs([(name, "one"), ("z.jpg", "two")]), in: folder).present == 2)
        }
    }

    @Test func keepsWhatAnotherProgramWroteUnlessToldOtherwise() throws {
        try withTemporaryFolder { folder in
            let captions = pairs([("a.jpg", "one"), ("b.jpg", "two")])
            try write("", "embed/x", in: folder)
            try Npy.write(Tensor([9, 9, 9, 9, 9, 9], [2, 3]), to: "\(folder)/embed/a.jpg.npy")
            let report = try run(captions, in: folder)
            #expect((report.made, report.unlisted) == (1, 1))
            #expect(try value("one", "a.jpg", in: folder)[0] == 9)
            #expect(try run(captions, in: folder, replace: true).made == 1)
            #expect(try value("one", "a.jpg", in: folder)[0] == 3)
        }
        try withTemporaryFolder { folder in
            try write("", "embed/x", in: folder)
            try Npy.write(Tensor([9, 9], [1, 2]), to: "\(folder)/embed/a.jpg.npy")
            do {
                try run(pairs([("a.jpg", "one")]), in: folder)
                Issue.record("replaced")
            } catch {
                #expect(
                    "\(error)".replacing(folder, with: "F")
                        == "F/embed/a.jpg.npy: an embedding of shape [1, 2] that another program "
                        + "wrote, expected [2, 3] for this image decoder. Name another folder, or "
                        + "replace such files with --replace.")
            }
        }
    }

    @Test(arguments: [0, 4, 100, 130])
    func makesAgainWhatAnotherProgramLeftDamaged(_ bytes: Int) throws {
        try withTemporaryFolder { folder in
            try write("", "embed/x", in: folder)
            let path = "\(folder)/embed/a.jpg.npy"
            try Npy.write(Tensor([9, 9, 9, 9, 9, 9], [2, 3]), to: path)
            try Data(Data(contentsOf: URL(filePath: path)).prefix(bytes)).write(
                to: URL(filePath: path))
            let captions = pairs([("a.jpg", "one"), ("b.jpg", "two")])
            let report = try run(captions, in: folder)
            #expect((report.made, report.unlisted, report.damaged) == (2, 0, 1))
            #expect(try value("one", "a.jpg", in: folder)[0] == 3)
        }
    }

    /// Stopped after any number of steps, what is there is right and the rest is made.
    @Test(arguments: 0..<6)
    func goesOnWhereItWasStopped(after batches: Int) throws {
        struct Killed: Error {}
        try withTemporaryFolder { folder in
            let captions = (0..<10).map { ("\($0).jpg", String(repeating: "b", count: $0 + 1)) }
            var done = 0
            #expect(throws: Killed.self) {
                try run(pairs(captions), in: folder, batch: 2) { captions in
                    guard done < batches, done < 5 else { throw Killed() }
                    done += 1
                    return encode(captions)
                }
                throw Killed()
            }
            // A line that was being written, and a file without its line's end.
            let index = "\(folder)/embed/index.tsv"
            if let handle = FileHandle(forWritingAtPath: index) {
                try handle.seekToEnd()
                try handle.write(contentsOf: Data("9.jpg.npy\timage\t0123".utf8))
            }
            let report = try run(pairs(captions), in: folder)
            #expect(report.made + report.present == 10)
            #expect(report.present == 2 * min(batches, 5))
            for (name, caption) in captions {
                #expect(try value(caption, name, in: folder)[0] == Float(caption.utf8.count))
            }
            // Where nothing was left to make, nothing is written.
            guard report.made > 0 else { return }
            let lines = try String(contentsOfFile: index, encoding: .utf8).split(separator: "\n")
            #expect(lines.count == 11)
            #expect(lines.allSatisfy { $0.count { $0 == "\t" } == 5 })
        }
    }

    /// A killed run leaves the file that it was writing, under its temporary name.
    @Test func removesWhatAKilledRunWasWritingUnlessAnotherIsAtWork() throws {
        try withTemporaryFolder { folder in
            let left = ".b.jpg.3i08123sc0rdj.npy"
            let captions = pairs([(".a.20240101", "one"), ("a.jpg", "two")])
            try write("half", "embed/\(left)", in: folder)
            for name in [".notes.npy", ".b.jpg.3i08123sc0rdj", ".b.3I08123SC0RDJ.npy"] {
                try write("kept", "embed/\(name)", in: folder)
            }
            let descriptor = open("\(folder)/embed", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            #expect(flock(descriptor, LOCK_SH) == 0)
            #expect(try run(captions, in: folder).made == 2)
            #expect(files(folder).contains(left))
            close(descriptor)
            #expect(try run(pairs([("c.jpg", "three")]), in: folder).made == 1)
            let all = Set(files(folder))
            #expect(all.isSuperset(of: [".b.3I08123SC0RDJ.npy", ".notes.npy", "c.jpg.npy"]))
            #expect(all.count == 5 && !all.contains(left))
            #expect(try value("one", ".a.20240101", in: folder)[0] == 3)
        }
    }

    @Test func namesWhatFailedAndGoesOn() throws {
        try withTemporaryFolder { folder in
            let text =
                #"[{"image_name": "a.jpg", "caption": "one"}, {"image_name": "b.jpg"}, {"image_name": "c.jpg", "caption": "bad"}]"#
            let report = try run(text, in: folder) { captions in
                captions.map { caption in
                    Tensor([caption == "bad" ? 70000 : 1, 2, 3, 4, 5, 6], [2, 3])
                }
            }
            #expect((report.made, report.failed) == (1, 2))
            let list = try String(contentsOfFile: try #require(report.failures), encoding: .utf8)
            #expect(list.contains("found no 'caption' or 'text'"))
            #expect(list.contains("c.jpg.npy: holds numbers that are not finite"))
            #expect(files(folder) == ["a.jpg.npy"])
            let mended = pairs([("a.jpg", "one"), ("b.jpg", "x"), ("c.jpg", "y")])
            #expect(try run(mended, in: folder).failures == nil)
            #expect(!FileManager.default.fileExists(atPath: report.failures ?? ""))
        }
    }

    @Test func readsDialoguesOfEveryKind() throws {
        let t2x = """
            [{"mm_name": "t/9.wav", "conversation": [
              {"from": "human", "value": "Rain?", "input_modality": "text"},
              {"from": "gpt", "value": "Here.", "caption": "Rain", "output_modality": "audio"},
              {"from": "human", "value": "Again"},
              {"from": "gpt", "value": "So.", "caption": "More rain", "output_modality": "audio"}]}]
            """
        let mosit = """
            [{"image_list": [{"image_name": "a.jpg", "caption": "a shore"}], "video_list": [],
              "audio_list": [{"audio_name": "b.wav", "caption": "waves"}],
              "conversation": [{"from": "human", "value": "x"},
              {"from": "gpt", "value": "<Image>a.jpg</Image> and <Audio>b.wav</Audio>"}]}]
            """
        try withTemporaryFolder { folder in
            #expect(try run(t2x, in: folder, modality: .audio).made == 2)
            #expect(try value("Rain", "9.wav", in: folder, .audio)[0] == 4)
            #expect(try value("More rain", "9.2.wav", in: folder, .audio)[0] == 9)
            #expect(try run(mosit, in: folder, modality: .image).made == 1)
            #expect(try run(mosit, in: folder, modality: .audio).made == 1)
            #expect(try value("waves", "b.wav", in: folder, .audio)[0] == 5)
            do {
                try run(mosit, in: folder, modality: .video)
                Issue.record("found some")
            } catch {
                #expect(
                    "\(error)".replacing(folder, with: "F")
                        == "F/c.json: found no caption for video, expected some; it has 1 for "
                        + "audio, 1 for image. Name that modality, and the decoder for it.")
            }
            let table = "a cat\thttp://x/1\nhttp://x/2\ta dog\n"
            #expect(try run(table, in: folder, file: "cc3m.tsv").made == 2)
            #expect(try value("a dog", "000000001.jpg", in: folder)[0] == 5)
            let csv = "videoid,contentUrl,duration,page_dir,name\n77,u,d,p,\"Waves, slow\"\n"
            #expect(try run(csv, in: folder, file: "w.csv", modality: .video).made == 1)
            #expect(try value("Waves, slow", "77.mp4", in: folder, .video)[0] == 11)
            let lines = #"{"image_name": "l.jpg", "caption": "line"}"# + "\n"
            #expect(try run(lines, in: folder, file: "l.jsonl").made == 1)
            let shard = archive([TarEntry("0/5.jpg", "PIXELS"), TarEntry("0/5.txt", "A sunset")])
            try write(shard, "s.tar", in: folder)
            var tar = try EmbeddingRun(
                CaptionFile("\(folder)/s.tar", modality: .image), folder: "\(folder)/embed",
                model: "m@1", shape: [2, 3])
            #expect(try tar.run(batchSize: 2, encode: encode).made == 1)
            #expect(try value("A sunset", "0/5.jpg", in: folder)[0] == 8)
        }
    }

    @Test func captionsOfLikeLengthGoTogether() throws {
        try withTemporaryFolder { folder in
            let captions = (0..<64).map { number in
                ("\(number).jpg", String(repeating: "c", count: 1 + number * 29 % 64))
            }
            var batches: [[Int]] = []
            try run(pairs(captions), in: folder, batch: 8) { captions in
                batches.append(captions.map(\.utf8.count))
                return encode(captions)
            }
            #expect(batches.count == 8)
            #expect(batches.allSatisfy { ($0.max() ?? 0) - ($0.min() ?? 0) < 16 })
            #expect(batches.joined().sorted() == Array(1...64))
        }
    }

    @Test func saysThatADiskIsTooSmall() throws {
        let room = DiskRoom(free: 1 << 30, block: 4096)
        // A file of one byte takes a block.
        try room.check(1 << 18, of: 1, in: "e")
        let error = #expect(throws: EmbeddingError.self) {
            try room.check(5 << 18, of: 100, in: "e")
        }
        #expect(
            error?.description == "e: found room for 1024 MiB, expected 5120 MiB or more for the "
                + "embeddings. Name a folder on a larger disk.")
        // A file system that holds nothing of ours.
        let proc = try #require(DiskRoom(of: "/proc"))
        #expect(throws: EmbeddingError.noRoom(folder: "/proc", needed: 4096, free: 0)) {
            try proc.check(1, of: 100, in: "/proc")
        }
    }

    @Test func understandsTheReadmesPaths() throws {
        try withTemporaryFolder { folder in
            try write("[]", "repo/data/cc3m/cc3m.json", in: folder)
            try write("[]", "repo/data/IT_data/T-T+X/a.json", in: folder)
            let root = "\(folder)/repo"
            let readme = readmePaths(
                captions: "../data/cc3m/cc3m.json", output: "../data/embed/", root: root)
            #expect(readme == ("\(root)/data/cc3m/cc3m.json", "\(root)/data/embed/"))
            let typed = readmePaths(
                captions: "\(root)/data/cc3m/cc3m.json", output: "../out", root: root)
            #expect(typed == ("\(root)/data/cc3m/cc3m.json", "../out"))
            let spelled = readmePaths(
                captions: "../data/IT_data/T-T+X_data/a.json", output: "../data/embed", root: root)
            #expect(spelled == ("\(root)/data/IT_data/T-T+X/a.json", "\(root)/data/embed"))
            let nowhere = readmePaths(captions: "../no.json", output: "o", root: root)
            #expect(nowhere == ("../no.json", "o"))
        }
    }
}
