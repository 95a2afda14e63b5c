import Foundation
import ModelZoo
import TestSupport
import Testing

@Suite struct CLIPTokenizerTests {
    private static let folder = TokenizerFixture.folder("clip")

    @Test func agreesWithTheOriginal() throws {
        let expected = try TokenizerFixture.load().clip
        let tokenizer = try CLIPTokenizer(folder: Self.folder)
        #expect(tokenizer.padID == tokenizer.endID)
        #expect(tokenizer.maximumLength == 77)
        expected.encode.expect(of: { tokenizer.encode($0) })
        expected.padded?.expect(of: { tokenizer.encode($0, length: 12) })
        expected.decode.expect(of: tokenizer.decode)
    }

    @Test func takesTheMapsPaddingTokenForSpecial() throws {
        let expected = try TokenizerFixture.load().clipPaddedByExclamationMark
        try withTemporaryFolder { folder in
            for file in ["vocab.json", "merges.txt", "tokenizer_config.json"] {
                try FileManager.default.copyItem(
                    atPath: "\(Self.folder)/\(file)", toPath: "\(folder)/\(file)")
            }
            let map = try String(
                contentsOfFile: "\(Self.folder)/special_tokens_map.json", encoding: .utf8)
            try map.replacing("\"pad_token\": \"<|endoftext|>\"", with: "\"pad_token\": \"!\"")
                .write(
                    toFile: "\(folder)/special_tokens_map.json", atomically: true, encoding: .utf8)
            let tokenizer = try CLIPTokenizer(folder: folder)
            #expect(tokenizer.padID == 0)
            expected.encode.expect(of: { tokenizer.encode($0) })
            expected.padded?.expect(of: { tokenizer.encode($0, length: 12) })
        }
    }

    @Test func keepsTheEndMarkOfALongText() throws {
        let tokenizer = try CLIPTokenizer(folder: Self.folder)
        let ids = tokenizer.encode(String(repeating: "violin ", count: 200), length: 77)
        #expect(ids.count == 77)
        #expect(ids.first == tokenizer.startID && ids.last == tokenizer.endID)
        #expect(!ids.dropFirst().dropLast().contains(tokenizer.endID))
    }

    @Test func encodesOneEndlessWord() throws {
        let tokenizer = try CLIPTokenizer(folder: Self.folder)
        let word = String(repeating: "violin", count: 17_000)
        #expect(tokenizer.decode(tokenizer.encode(word)) == word)
    }

    @Test func refusesUnsoundFiles() throws {
        let cases = [
            ("vocab.json", "{}"), ("vocab.json", "[1]"), ("vocab.json", #"{"a": -1}"#),
            ("vocab.json", #"{"a": 99999999999}"#), ("vocab.json", #"{"a": 0}"#),
            ("merges.txt", "#version\na b c\n"), ("merges.txt", "#version\na\n"),
            ("merges.txt", "#version\na \n"), ("tokenizer_config.json", "x"),
        ]
        for (name, text) in cases {
            try withTemporaryFolder { folder in
                for file in ["vocab.json", "merges.txt", "tokenizer_config.json"] {
                    try FileManager.default.copyItem(
                        atPath: "\(Self.folder)/\(file)", toPath: "\(folder)/\(file)")
                }
                try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
                #expect(throws: TokenizerError.self, "\(name): \(text)") {
                    try CLIPTokenizer(folder: folder)
                }
            }
        }
    }
}

@Suite struct RobertaTokenizerTests {
    private static let folder = TokenizerFixture.folder("roberta")

    @Test func agreesWithTheOriginal() throws {
        let expected = try TokenizerFixture.load().roberta
        let tokenizer = try RobertaTokenizer(folder: Self.folder)
        #expect([Int]([tokenizer.startID, tokenizer.padID, tokenizer.endID]) == [0, 1, 2])
        #expect(tokenizer.maximumLength == 512)
        expected.encode.expect(of: { tokenizer.encode($0) })
        expected.padded?.expect(of: { tokenizer.encode($0, length: 12).ids })
        expected.mask?.expect(of: { tokenizer.encode($0, length: 12).mask })
        expected.decode.expect(of: tokenizer.decode)
    }

    @Test func decodesWhatItEncoded() throws {
        let tokenizer = try RobertaTokenizer(folder: Self.folder)
        for item in try TokenizerFixture.load().roberta.encode where !item.input.contains("<mask>")
        {
            let text = tokenizer.decode(tokenizer.encode(item.input))
            #expect(text.unicodeScalars.elementsEqual(item.input.unicodeScalars))
        }
    }
}
