import Foundation
import ModelZoo
import TestSupport
import Testing

let signalTokens =
    ["<Img>", "</Img>"] + (0..<4).map { "[IMG\($0)]" } + (0..<24).map { "[VID\($0)]" }
    + (0..<8).map { "[AUD\($0)]" }

@Suite struct LLaMATokenizerTests {
    private static let folder = TokenizerFixture.folder("llama")

    @Test func encodesAndDecodesAsTheOriginal() throws {
        let expected = try TokenizerFixture.load().llama
        let tokenizer = try LLaMATokenizer(folder: Self.folder)
        expected.encode.expect(of: tokenizer.encode)
        expected.decode.expect(of: { tokenizer.decode($0) })
        expected.decodeSkipping?.expect(
            of: { tokenizer.decode($0, skippingSpecialTokens: true) })
    }

    @Test func streamsWhatItDecodes() throws {
        let tokenizer = try LLaMATokenizer(folder: Self.folder)
        for item in try #require(TokenizerFixture.load().llama.decodeSkipping) {
            var decoder = StreamingDecoder(tokenizer)
            let text = item.input.map { decoder.append($0) }.joined() + decoder.finish()
            #expect(text.unicodeScalars.elementsEqual(item.output.unicodeScalars))
        }
    }

    @Test func neverStreamsHalfACharacter() throws {
        let tokenizer = try LLaMATokenizer(folder: Self.folder)
        var decoder = StreamingDecoder(tokenizer)
        var parts = tokenizer.encode("a👍🏽b").map { decoder.append($0) }
        parts.append(decoder.finish())
        #expect(parts.joined() == "a👍🏽b")
        #expect(parts.allSatisfy { !$0.unicodeScalars.contains("\u{FFFD}") })
        #expect(parts.filter { $0.isEmpty }.count >= 6)
    }

    @Test func addsTokensAtTheNextFreeIDs() throws {
        let model = try SentencePieceModel(contentsOf: "\(Self.folder)/tokenizer.model")
        let plain = try LLaMATokenizer(model: model)
        #expect(plain.vocabularySize == model.pieces.count)
        let tokenizer = plain.adding(signalTokens)
        #expect(tokenizer.vocabularySize == model.pieces.count + 38)
        for (index, token) in signalTokens.enumerated() {
            #expect(tokenizer.id(of: token) == model.pieces.count + index)
            #expect(tokenizer.encode(token) == [model.pieces.count + index])
            #expect(tokenizer.token(model.pieces.count + index) == token)
        }
        #expect(tokenizer.adding(signalTokens + ["<s>"]).vocabularySize == tokenizer.vocabularySize)
        #expect(tokenizer.id(of: "[IMG9]") == nil)
        #expect(tokenizer.token(tokenizer.vocabularySize) == nil)
        #expect(tokenizer.decode([-1, tokenizer.vocabularySize]).isEmpty)
    }

    @Test func readsWhatItWrote() throws {
        let tokenizer = try LLaMATokenizer(folder: Self.folder).adding(["<new>"])
        try withTemporaryFolder { folder in
            try tokenizer.write(to: folder)
            let again = try LLaMATokenizer(folder: folder)
            #expect(again.vocabularySize == tokenizer.vocabularySize)
            #expect([Int]([again.bosID, again.eosID, again.unknownID]) == [1, 2, 0])
            #expect(again.padID == tokenizer.padID)
            for item in try TokenizerFixture.load().llama.encode {
                #expect(
                    again.encode(item.input + "<new>") == tokenizer.encode(item.input + "<new>"))
            }
        }
    }

    @Test func takesEmptySpecialTokensForTheUsualOnes() throws {
        try Self.withFiles(
            [
                "tokenizer_config.json": #"{"bos_token": "", "eos_token": "", "unk_token": ""}"#,
                "added_tokens.json": #"{"<s>": 1, "[PAD]": 700, "more": 701}"#,
            ]
        ) { folder in
            let tokenizer = try LLaMATokenizer(folder: folder)
            #expect([Int]([tokenizer.bosID, tokenizer.eosID, tokenizer.unknownID]) == [1, 2, 0])
            #expect(tokenizer.id(of: "[PAD]") == 700)
            #expect(tokenizer.padID == nil)
            #expect(tokenizer.vocabularySize == 702)
        }
    }

    @Test func refusesUnsoundFiles() throws {
        let cases = [
            ("added_tokens.json", #"{"[PAD]": 900}"#),
            ("added_tokens.json", #"{"[PAD]": 3}"#),
            ("added_tokens.json", #"{"": 700}"#),
            ("added_tokens.json", #"["a"]"#),
            ("added_tokens.json", #"{"a": "b"}"#),
            ("special_tokens_map.json", #"{"bos_token": 3}"#),
            ("tokenizer_config.json", "{"),
            ("tokenizer_config.json", String(repeating: "[", count: 100_000)),
        ]
        for (file, text) in cases {
            try Self.withFiles([file: text]) { folder in
                #expect(throws: TokenizerError.self, "\(file): \(text.prefix(30))") {
                    try LLaMATokenizer(folder: folder)
                }
            }
        }
    }

    @Test func namesWhatIsWrongInAFile() throws {
        try Self.withFiles(["added_tokens.json": #"{"[PAD]": 900}"#]) { folder in
            let error = #expect(throws: TokenizerError.self) {
                try LLaMATokenizer(folder: folder)
            }
            #expect(
                error?.description == "\(folder): not a sound tokenizer file: added token '[PAD]' "
                    + "has id 900, expected 700. Was the download complete?")
        }
    }

    /// A folder with the fixture's model and these files beside it.
    private static func withFiles(
        _ files: [String: String], _ body: (String) throws -> Void
    ) throws {
        try withTemporaryFolder { temporary in
            try FileManager.default.copyItem(
                atPath: "\(folder)/tokenizer.model", toPath: "\(temporary)/tokenizer.model")
            for (name, text) in files {
                try Data(text.utf8).write(to: URL(filePath: "\(temporary)/\(name)"))
            }
            try body(temporary)
        }
    }
}
