import Foundation
import ModelZoo
import TestSupport
import Testing

@Suite struct SentencePieceModelTests {
    private static let path = TokenizerFixture.folder("llama/tokenizer.model")

    @Test func encodesAndDecodesAsTheOriginal() throws {
        let expected = try TokenizerFixture.load().pieces
        let model = try SentencePieceModel(contentsOf: Self.path)
        expected.encode.expect(of: model.encode)
        expected.decode.expect(of: model.decode)
    }

    @Test func followsUnusedAndUserDefinedPiecesAndExtraWhiteSpace() throws {
        let expected = try TokenizerFixture.load().other
        let model = try SentencePieceModel(contentsOf: TokenizerFixture.folder("pieces.model"))
        #expect(model.pieces.contains { $0.kind == .unused })
        #expect(model.pieces.contains { $0.kind == .userDefined })
        expected.encode.expect(of: model.encode)
        expected.decode.expect(of: model.decode)
    }

    @Test func decodesWhatItEncoded() throws {
        let model = try SentencePieceModel(contentsOf: Self.path)
        for item in try TokenizerFixture.load().pieces.encode where !item.input.contains("\u{2581}")
        {
            let text = model.decode(model.encode(item.input))
            #expect(text.unicodeScalars.elementsEqual(item.input.unicodeScalars))
        }
    }

    @Test func encodesLongTextsInAboutLinearTime() throws {
        let model = try SentencePieceModel(contentsOf: Self.path)
        let sentence = "The violin rises slowly, 123 notes; the 日本 drum (x+1) answers 😀. "
        let short = String(repeating: sentence, count: 160)
        let long = String(repeating: sentence, count: 1600)
        let clock = ContinuousClock()
        let first = clock.measure { _ = model.encode(short) }
        let second = clock.measure { #expect(model.decode(model.encode(long)) == long) }
        // Ten times the text, decoded too; a quadratic way would take a hundred times as long.
        #expect(second < first * 50 + .milliseconds(500))
    }

    @Test func writesWhatItRead() throws {
        for file in ["llama/tokenizer.model", "pieces.model"] {
            let bytes = [UInt8](
                try Data(contentsOf: URL(filePath: TokenizerFixture.folder(file))))
            #expect(try SentencePieceModel(bytes: bytes, file: file).serialized == bytes)
        }
    }

    @Test func refusesEveryTruncation() throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: Self.path)))
        for count in stride(from: 0, to: bytes.count - 1, by: 97) {
            #expect(throws: TokenizerError.self) {
                try SentencePieceModel(bytes: Array(bytes[..<count]), file: "cut.model")
            }
        }
    }

    @Test func survivesEveryDamagedByte() throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: Self.path)))
        for index in stride(from: 0, to: bytes.count, by: 61) {
            var damaged = bytes
            damaged[index] ^= 0xFF
            // Some damage still is a model; it must then work.
            if let model = try? SentencePieceModel(bytes: damaged, file: "damaged.model") {
                _ = model.decode(model.encode("The violin 😀"))
            }
        }
    }

    @Test func namesTheFileAndTheRuleItBreaks() throws {
        func error(_ bytes: [UInt8]) -> String {
            do {
                _ = try SentencePieceModel(bytes: bytes, file: "x.model")
                return "no error"
            } catch {
                return "\(error)"
            }
        }
        let mend = ". Was the download complete?"
        let unsound = "x.model: not a sound tokenizer file: "
        #expect(error([]) == unsound + "no pieces; is it a SentencePiece model?" + mend)
        #expect(
            error([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]) == unsound
                + "protobuf field 1 is 4294967295 bytes long, 0 are left" + mend)
        #expect(
            error([UInt8](repeating: 0xFF, count: 20)) == unsound
                + "a protobuf number of over ten bytes" + mend)
        #expect(
            error([0x0B]) == unsound + "protobuf field 1 is of unknown wire type 3" + mend)
        #expect(error([0x0A, 0x02, 0x0A, 0x00]) == unsound + "piece 0 has no text" + mend)
        #expect(
            error([0x0A, 0x03, 0x0A, 0x01, 0xC3]) == unsound + "piece 0 is not UTF-8" + mend)
        #expect(
            error([0x0A, 0x05, 0x0A, 0x01, 0x61, 0x18, 0x09]) == unsound
                + "piece 0 is of unknown type 9" + mend)
        #expect(
            error([0x0A, 0x08, 0x0A, 0x01, 0x61, 0x15, 0x00, 0x00, 0xC0, 0x7F]) == unsound
                + "piece 0 has score nan" + mend)
        #expect(
            error([0x0A, 0x03, 0x0A, 0x01, 0x61, 0x12, 0x02, 0x18, 0x03])
                .contains("SentencePiece model type 3"))
        let typed: [UInt8] = [0x12, 0x02, 0x18, 0x02]
        #expect(
            error([0x0A, 0x03, 0x0A, 0x01, 0x61] + typed) == unsound
                + "0 unknown pieces, expected one" + mend)
        let unknown: [UInt8] = [0x0A, 0x05, 0x0A, 0x01, 0x75, 0x18, 0x02]
        #expect(error(unknown + typed) == "no error")
        #expect(
            error(unknown + [0x0A, 0x03, 0x0A, 0x01, 0x75] + typed) == unsound
                + "piece 'u' occurs twice" + mend)
        #expect(
            error(unknown + [0x12, 0x05, 0x18, 0x02, 0x98, 0x02, 0x01]) == unsound
                + "0 byte pieces, expected 256 for byte fallback" + mend)
        #expect(
            error(unknown + typed + [0x1A, 0x03, 0x12, 0x01, 0x00]).contains("character map"))
    }

    @Test func refusesWhatIsNoFile() throws {
        #expect(
            throws: TokenizerError.unreadable(file: "nowhere/x.model", reason: "no such file")
        ) { try SentencePieceModel(contentsOf: "nowhere/x.model") }
        try withTemporaryFolder { folder in
            #expect(throws: TokenizerError.unreadable(file: folder, reason: "it is a folder")) {
                try SentencePieceModel(contentsOf: folder)
            }
            // A file with no data in it, but far too long.
            let path = "\(folder)/huge.model"
            try Data().write(to: URL(filePath: path))
            let handle = try #require(FileHandle(forWritingAtPath: path))
            try handle.truncate(atOffset: 1 << 33)
            try handle.close()
            let error = #expect(throws: TokenizerError.self) {
                try SentencePieceModel(contentsOf: path)
            }
            #expect(error?.description.contains("8589934592 bytes") ?? false)
        }
    }
}
