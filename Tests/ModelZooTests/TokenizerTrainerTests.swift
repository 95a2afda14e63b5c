import Foundation
import ModelZoo
import TestSupport
import Testing

/// A few hundred sentences of made-up music.
private let sentences: [String] = {
    let who = ["The violin", "a trumpet", "Our drum", "the Café piano", "小さな猫", "Скрипка"]
    let does = ["plays", "is playing", "answers", "rises over", "doesn't follow", "repeats"]
    let what = [
        "a slow melody", "the singer", "12 notes in A minor", "rain and 3 sirens", "silence",
    ]
    return who.flatMap { who in
        does.flatMap { does in what.map { "\(who) \(does) \($0)." } }
    }
}()

private let marked = "### Human: play a slow rising violin melody, it's 3D 日本 😀 q\u{0301}!\n"

@Suite struct SentencePieceTrainerTests {
    @Test func trainsAModelLaidOutAsLLaMAs() throws {
        let model = try SentencePieceTrainer(vocabularySize: 380).train(sentences)
        #expect(model.pieces.count == 380)
        #expect(model.pieces[0] == .init("<unk>", kind: .unknown))
        #expect(model.pieces[1] == .init("<s>", kind: .control))
        #expect(model.pieces[2] == .init("</s>", kind: .control))
        #expect(model.pieces[3] == .init("<0x00>", kind: .byte))
        #expect(model.pieces[258] == .init("<0xFF>", kind: .byte))
        let normal = model.pieces[259...]
        #expect(normal.allSatisfy { $0.kind == .normal })
        #expect(zip(normal, normal.dropFirst()).allSatisfy { $0.score > $1.score })
        // What is frequent became one piece; digits did not join.
        #expect(model.encode("melody").count == 1)
        #expect(model.encode("12").count == 3)
        #expect(model.decode(model.encode(marked)) == marked)
    }

    @Test func trainsTheSameModelAgainAndFast() throws {
        let trainer = try SentencePieceTrainer(vocabularySize: 380)
        let clock = ContinuousClock()
        var first: [UInt8] = []
        let time = try clock.measure { first = try trainer.train(sentences).serialized }
        #expect(try trainer.train(sentences).serialized == first)
        #expect(time < .seconds(5))
    }

    @Test func writesAModelThatReadsBack() throws {
        let model = try SentencePieceTrainer(vocabularySize: 380).train(sentences)
        let again = try SentencePieceModel(bytes: model.serialized, file: "again.model")
        #expect(again.pieces == model.pieces)
        #expect(again.encode(marked) == model.encode(marked))
    }

    @Test func keepsTheFrequentCharactersWhereRoomIsShort() throws {
        let model = try SentencePieceTrainer(vocabularySize: 262).train(["aaa bb c", "aa b"])
        #expect(Array(model.pieces[259...]).map(\.text) == ["a", "\u{2581}", "b"])
        #expect(model.decode(model.encode("abc")) == "abc")
    }

    @Test func stopsWhereNothingIsLeftToMerge() throws {
        let model = try SentencePieceTrainer(vocabularySize: 1000).train(["ab ab"])
        #expect(
            Array(model.pieces[259...]).map(\.text) == ["ab", "\u{2581}ab", "a", "b", "\u{2581}"])
        #expect(try SentencePieceTrainer(vocabularySize: 300).train([]).pieces.count == 260)
    }

    @Test func refusesAVocabularyWithoutRoomForBytes() {
        #expect(throws: TokenizerError.vocabularyTooSmall(found: 259, least: 260)) {
            try SentencePieceTrainer(vocabularySize: 259)
        }
    }
}

@Suite struct ByteLevelBPETrainerTests {
    @Test func trainsACLIPVocabularyThatLoads() throws {
        let trainer = try ByteLevelBPETrainer(style: .clip(padding: "!"), vocabularySize: 600)
        let vocabulary = trainer.train(sentences)
        #expect(vocabulary.tokens.count == 600)
        #expect(vocabulary.tokens[0] == "!" && vocabulary.tokens[256] == "!</w>")
        #expect(Array(vocabulary.tokens[598...]) == ["<|startoftext|>", "<|endoftext|>"])
        #expect(vocabulary == trainer.train(sentences))
        try withTemporaryFolder { folder in
            try vocabulary.write(to: folder)
            let tokenizer = try CLIPTokenizer(folder: folder)
            #expect([Int]([tokenizer.startID, tokenizer.endID, tokenizer.padID]) == [598, 599, 0])
            #expect(tokenizer.maximumLength == 77)
            #expect(tokenizer.encode("Melody").count == 1)
            #expect(tokenizer.decode(tokenizer.encode("The violin 日本")) == "the violin 日本")
        }
    }

    @Test func trainsARobertaVocabularyThatLoads() throws {
        let trainer = try ByteLevelBPETrainer(style: .roberta, vocabularySize: 340)
        let vocabulary = trainer.train(sentences)
        #expect(vocabulary.tokens.count == 340)
        #expect(Array(vocabulary.tokens[..<4]) == ["<s>", "<pad>", "</s>", "<unk>"])
        #expect(vocabulary.tokens.last == "<mask>")
        #expect(vocabulary == trainer.train(sentences))
        try withTemporaryFolder { folder in
            try vocabulary.write(to: folder)
            let tokenizer = try RobertaTokenizer(folder: folder)
            #expect(tokenizer.vocabularySize == 340)
            #expect(tokenizer.encode(" melody").count == 1)
            #expect(tokenizer.encode("a <mask>").last == 339)
            #expect(tokenizer.decode(tokenizer.encode(marked)) == marked)
        }
    }

    @Test func refusesAVocabularyWithoutRoomForBytes() {
        #expect(throws: TokenizerError.vocabularyTooSmall(found: 513, least: 514)) {
            try ByteLevelBPETrainer(style: .clip(), vocabularySize: 513)
        }
        #expect(throws: TokenizerError.vocabularyTooSmall(found: 260, least: 261)) {
            try ByteLevelBPETrainer(style: .roberta, vocabularySize: 260)
        }
    }

    @Test func saysWhereItCannotWrite() throws {
        let vocabulary = try ByteLevelBPETrainer(style: .roberta, vocabularySize: 261).train([])
        #expect(throws: TokenizerError.self) { try vocabulary.write(to: "/nowhere/at/all") }
    }
}
