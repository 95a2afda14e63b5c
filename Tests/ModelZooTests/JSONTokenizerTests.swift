import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

/// What the tokenizers and sentencepiece packages do: `Tests/Fixtures/tokenizer_json.json`.
private struct PipelineFixture: Decodable {
    struct Pipeline: Decodable {
        let encode: [[Int]]
        let marked: [Int]?
        let decode: [TokenizerFixture.Case<[Int], String>]
        let skipped: [TokenizerFixture.Case<[Int], String>]?
    }

    let pipelines: [String: Pipeline]
    let models: [String: Pipeline]

    static func load() throws -> PipelineFixture {
        try JSONDecoder().decode(
            PipelineFixture.self,
            from: Data(contentsOf: URL(filePath: Fixture.path("tokenizer_json.json"))))
    }
}

@Suite struct JSONTokenizerTests {
    private static let pipelines = [
        "llama-legacy", "llama", "clip", "roberta", "gpt2", "llama3", "qwen2", "unigram",
    ]

    private static func texts() throws -> [String] {
        try TokenizerFixture.load().pieces.encode.map(\.input)
    }

    private static func open(_ name: String) throws -> JSONTokenizer {
        try JSONTokenizer(contentsOf: Fixture.path("tokenizer_json/\(name).json"))
    }

    @Test(arguments: pipelines)
    func givesTheIdsOfTheOriginal(name: String) throws {
        let expected = try #require(try PipelineFixture.load().pipelines[name])
        let tokenizer = try Self.open(name)
        for (text, ids) in zip(try Self.texts(), expected.encode) {
            #expect(tokenizer.encode(text) == ids, "\(text.debugDescription)")
        }
        #expect(tokenizer.encodeWithMarks("violin") == expected.marked)
    }

    @Test(arguments: pipelines)
    func decodesAsTheOriginal(name: String) throws {
        let expected = try #require(try PipelineFixture.load().pipelines[name])
        let tokenizer = try Self.open(name)
        expected.decode.expect { tokenizer.decode($0) }
        try #require(expected.skipped).expect { tokenizer.text(of: $0) }
    }

    /// SentencePiece's own unigram models, with its character map and without byte pieces and with.
    @Test(arguments: ["unigram", "unigram_bytes"])
    func findsTheLikeliestPieces(name: String) throws {
        let expected = try #require(try PipelineFixture.load().models[name])
        let model = try SentencePieceModel(
            contentsOf: Fixture.path("tokenizer_json/\(name).model"))
        for (text, ids) in zip(try Self.texts(), expected.encode) {
            #expect(model.encode(text) == ids, "\(text.debugDescription)")
        }
        expected.decode.expect { model.decode($0) }
    }

    @Test(arguments: pipelines)
    func streamsWhatItDecodes(name: String) throws {
        let tokenizer = try Self.open(name)
        for text in try Self.texts() {
            let ids = tokenizer.encode(text)
            var stream = TextStream(tokenizer)
            var parts = ids.map { stream.append($0) }
            parts.append(stream.finish())
            #expect(parts.joined() == tokenizer.text(of: ids), "\(text.debugDescription)")
        }
    }

    @Test func neverStreamsHalfACharacter() throws {
        let tokenizer = try Self.open("gpt2")
        let ids = tokenizer.encode("a 😀 日本")
        var stream = TextStream(tokenizer)
        for id in ids {
            #expect(!stream.append(id).unicodeScalars.contains("\u{FFFD}"))
        }
        #expect(stream.finish() == "")
    }

    private func error(_ json: String) throws -> String {
        try withTemporaryFolder { folder in
            let path = "\(folder)/tokenizer.json"
            try json.write(toFile: path, atomically: true, encoding: .utf8)
            do {
                _ = try JSONTokenizer(contentsOf: path)
                return "no error"
            } catch { return "\(error)".replacing(folder + "/", with: "") }
        }
    }

    @Test func boundsWhatItsStepsMayCost() throws {
        let model = #""model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}"#
        func expect(
            _ rest: String, _ rule: String?, sourceLocation: SourceLocation = #_sourceLocation
        )
            throws
        {
            let text = rule.map {
                "tokenizer.json: not a sound tokenizer file: \($0). Was the download complete?"
            }
            #expect(
                try error("{\(model), \(rest)}") == text ?? "no error",
                sourceLocation: sourceLocation)
        }
        func template(_ id: Int, steps: Int = 1) -> String {
            let step = #"{"SpecialToken": {"id": "a"}}"#
            let all = [String](repeating: step, count: steps).joined(separator: ",")
            return #""post_processor": {"type": "TemplateProcessing", "single": [\#(all)], "#
                + #""special_tokens": {"a": {"ids": [\#(id)]}}}"#
        }
        try expect(template(0), nil)
        try expect(template(1), "its post-processor adds the id 1, it has 1 tokens")
        try expect(template(-1), "its post-processor adds the id -1, it has 1 tokens")
        try expect(template(0, steps: 65), "its template has 65 steps, expected at most 64")
        func sequence(_ key: String, _ list: String, _ step: String, _ count: Int) -> String {
            let all = [String](repeating: step, count: count).joined(separator: ",")
            return #""\#(key)": {"type": "Sequence", "\#(list)": [\#(all)]}"#
        }
        try expect(sequence("normalizer", "normalizers", #"{"type": "Strip"}"#, 63), nil)
        try expect(
            sequence("normalizer", "normalizers", #"{"type": "Strip"}"#, 64),
            "its normalizer has 65 steps, expected at most 64")
        // Each doubles the text.
        let twice = #"{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}"#
        for (key, list, step) in [
            ("normalizer", "normalizers", twice), ("decoder", "decoders", twice),
            ("pre_tokenizer", "pretokenizers", #"{"type": "ByteLevel", "use_regex": false}"#),
        ] {
            try expect(sequence(key, list, step, 5), nil)
            try expect(
                sequence(key, list, step, 30),
                "the steps of its \(key) could make a text more than 16384 times longer")
        }
        try expect(
            #""added_tokens": [{"content": "x", "id": 4000000}]"#,
            "it has the id 4000000 for 2 tokens")
        let long = String(repeating: "x", count: 1025)
        try expect(
            #""added_tokens": [{"content": "\#(long)", "id": 1}]"#,
            "token 1 has 1025 bytes, expected at most 1024")
    }

    @Test(arguments: [
        "a{-1}", "a{2,1}", "a{1001}", "a{1,1001}", "a{+1}", "a{,}", "a{}", "a{1,x}", "a{1,2,3}",
        "a****b",
    ]) func refusesQuantifiersThatCannotBe(pattern: String) {
        #expect(throws: PatternParser.Failure.self) { try SplitPattern(pattern) }
    }

    @Test func obeysEveryKindOfQuantifier() throws {
        let text = Array("aaaaa".unicodeScalars)
        for (pattern, expected) in [
            ("a{2}", [0..<2, 2..<4]), ("a{2,}", [0..<5]), ("a{,3}", [0..<3, 3..<5]),
            ("a{1,2}?", [0..<1, 1..<2, 2..<3, 3..<4, 4..<5]), ("a{0,1000}", [0..<5]), ("a{0}", []),
        ] { #expect(try SplitPattern(pattern).matches(in: text) == expected, "\(pattern)") }
    }

    /// Every look ahead walks to the end of the text, and a long pattern calls itself as often as it
    /// has parts.
    @Test func endsWhateverAPatternLooksAt() throws {
        let text = Array(String(repeating: "a", count: 3000).unicodeScalars)
        let start = ContinuousClock.now
        let ahead = try SplitPattern(String(repeating: "(?=a*)", count: 1000) + "b")
        #expect(ahead.matches(in: text).isEmpty)
        // Only the first place of a text gets far.
        let long = try SplitPattern("b" + String(repeating: "a", count: 16_000))
        let run = Array(("b" + String(repeating: "a", count: 16_000)).unicodeScalars)
        #expect(long.matches(in: run).isEmpty)
        let nested = try SplitPattern("x(((ab){256}){256}){256}c")
        let pairs = Array(("x" + String(repeating: "ab", count: 2000)).unicodeScalars)
        #expect(nested.matches(in: pairs).isEmpty)
        #expect(ContinuousClock.now - start < .seconds(10))
        let classes = "[" + String(repeating: "a-z", count: 257) + "]"
        #expect(throws: PatternParser.Failure.self) { try SplitPattern(classes) }
    }

    @Test func namesTheStepsItDoesNotKnow() throws {
        let model = #""model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["#
        let mend = "Use the tokenizer files of a LLaMA, Qwen2 or CLIP release."
        #expect(try error("{\(model)\"a b\"]}}") == "no error")
        #expect(
            try error("{\(model)\"a c\"]}}") == "tokenizer.json: not a sound tokenizer file: the "
                + "merge 'a c' makes no token of it. Was the download complete?")
        #expect(
            try error("{\"model\": {\"type\": \"WordPiece\"}}")
                == "tokenizer.json: a model of type 'WordPiece' is not supported. " + mend)
        #expect(
            try error("{\(model)]}, \"normalizer\": {\"type\": \"Nmt\"}}")
                == "tokenizer.json: the normalizer 'Nmt' is not supported. " + mend)
        let split = #""pre_tokenizer": {"type": "Split", "behavior": "Isolated", "pattern": "#
        #expect(
            try error("{\(model)]}, \(split){\"Regex\": \"(?<=a)b\"}}}")
                == "tokenizer.json: the pattern '(?<=a)b' (a group that begins with '(?') is not "
                + "supported. " + mend)
        #expect(try error("[").contains("no valid JSON"))
        #expect(try error(String(repeating: "[", count: 100)).contains("no valid JSON"))
    }

    /// A pattern that branches at every character ends all the same.
    @Test func endsWhereAPatternBranchesWithoutBound() throws {
        let pattern = try SplitPattern("(a*)*b")
        let text = String(repeating: "a", count: 3000)
        #expect(pattern.matches(in: Array(text.unicodeScalars)).isEmpty)
        let simple = try SplitPattern("a*b|[^\\p{L}]{2,3}?")
        #expect(simple.matches(in: Array("aab..c---".unicodeScalars)) == [0..<3, 3..<5, 6..<8])
    }

    @Test(.enabled(if: TestData.has("llama/tokenizer.model"), "needs SOUTHGPT_TEST_DATA"))
    func takesTimeInProportionToTheText() throws {
        let model = try SentencePieceModel(contentsOf: TestData.path("llama/tokenizer.model"))
        let sentence = "The quick brown fox jumps over the lazy dog, isn't it? 日本語 😀 1234567\n"
        let text = String(repeating: sentence, count: 1300)
        func seconds(_ count: Int) -> Double {
            let part = String(text.unicodeScalars.prefix(count))
            // The best of a few, by this thread's own time: other tests run beside this one.
            return (0..<5).map { _ in
                let start = processorSeconds()
                #expect(!model.encode(part).isEmpty)
                return processorSeconds() - start
            }.min() ?? 0
        }
        func processorSeconds() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        // The quickest of some: other work on the machine only adds.
        func quickest(_ count: Int) -> Double {
            (0..<3).map { _ in seconds(count) }.reduce(.infinity, min)
        }
        let (short, long) = (quickest(10_000), quickest(100_000))
        #expect(long < 40 * max(short, 0.001), "10 kB took \(short) s, 100 kB \(long) s")
    }
}
