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

    @Test func namesTheStepsItDoesNotKnow() throws {
        func error(_ json: String) throws -> String {
            try withTemporaryFolder { folder in
                let path = "\(folder)/tokenizer.json"
                try json.write(toFile: path, atomically: true, encoding: .utf8)
                do {
                    _ = try JSONTokenizer(contentsOf: path)
                    return "no error"
                } catch { return "\(error)".replacing(folder + "/", with: "") }
            }
        }
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
            let start = ContinuousClock.now
            #expect(!model.encode(part).isEmpty)
            return (ContinuousClock.now - start) / .seconds(1)
        }
        _ = seconds(1000)
        let (short, long) = (seconds(10_000), seconds(100_000))
        #expect(long < 40 * max(short, 0.001), "10 kB took \(short) s, 100 kB \(long) s")
    }
}
