import Dialogue
import ModelZoo
import TestSupport
import Testing

@Suite(.enabled(if: TestData.has("llama/tokenizer.model"), "SOUTHGPT_TEST_DATA has LLaMA's model"))
struct SequenceLayoutTests {
    private func layout() throws -> SequenceLayout {
        let tokens = SignalTokens()
        return try SequenceLayout(
            LLaMATokenizer(folder: TestData.path("llama")).adding(tokens.allNames), tokens)
    }

    private func ids(_ sequence: DialogueSequence) -> [Int] {
        sequence.elements.map { if case .token(let id) = $0 { id } else { -1 } }
    }

    @Test func addedTokensHaveThePublishedIds() throws {
        let tokenizer = try layout().tokenizer
        #expect(tokenizer.id(of: "<Img>") == 32000)
        #expect(tokenizer.id(of: "[IMG0]") == 32002)
        #expect(tokenizer.id(of: "[VID23]") == 32029)
        #expect(tokenizer.id(of: "[AUD7]") == 32037)
        #expect(tokenizer.vocabularySize == 32038)
    }

    @Test func aFirstTurnWithAMediumIsLaidOutAsInTraining() throws {
        let sequence = try layout().sequence(of: [
            Message(.human, [.medium(.image, name: "a"), .text("what is in this?")]),
            Message(.assistant, "It is a dog."),
        ])
        let question =
            [1, 835, 12968, 29901, 32000, -1, 32001, 825, 338, 297, 445, 29973, 13, 2277, 29937]
            + [4007, 22137, 29901, 29871]
        let answer = [739, 338, 263, 11203, 29889, 13, 2277, 29937]
        #expect(ids(sequence) == question + answer)
        #expect(sequence.labels == question.map { _ in nil } + answer)
        #expect(sequence.media == [.init(modality: .image, name: "a")])
    }

    @Test func aFirstTurnOfTextTokenisesItsOpeningByItself() throws {
        let sequence = try layout().sequence(of: [Message(.human, "show me an image")])
        #expect(
            ids(sequence) == [1, 835, 12968, 29901, 29871, 1510, 592, 385, 1967, 13, 2277, 29937]
                + [4007, 22137, 29901, 29871])
    }

    @Test func aSignalSpanFollowsItsCaptionAndEndsInOneTerminatorToken() throws {
        let sequence = try layout().sequence(of: [
            Message(.human, "sing"),
            Message(.assistant, [.text("a bird sings"), .signal(.audio)]),
        ])
        #expect(
            ids(sequence).suffix(13) == [263, 11199, 269, 886] + Array(32030...32037) + [835])
        #expect(sequence.labels.compactMap { $0 }.count == 13)
    }

    @Test func laterTurnsBeginAfterTheTerminator() throws {
        let sequence = try layout().sequence(of: [
            Message(.human, "a"), Message(.assistant, "b"), Message(.human, "c"),
        ])
        let text = try layout().tokenizer.decode(Array(ids(sequence).dropFirst()))
        #expect(
            text.filter { $0 != " " } == "###Human:a\n###Assistant:b\n###Human:c\n###Assistant:")
    }

    @Test func twoMediaAreTwoBlocks() throws {
        let sequence = try layout().sequence(of: [
            Message(
                .human, [.medium(.image, name: "a"), .medium(.audio, name: "b"), .text("compare")])
        ])
        let places = ids(sequence).indices.filter { ids(sequence)[$0] == -1 }
        #expect(places.count == 2)
        for place in places {
            #expect(ids(sequence)[place - 1] == 32000)
            #expect(ids(sequence)[place + 1] == 32001)
        }
        #expect(sequence.media.map(\.name) == ["a", "b"])
    }

    @Test func textWithAnglesStaysText() throws {
        let tokenizer = try layout().tokenizer
        let sequence = try layout().sequence(of: [Message(.human, "is 3 < 5 > 2?")])
        #expect(sequence.media.isEmpty)
        #expect(tokenizer.decode(ids(sequence)).contains("is 3 < 5 > 2?"))
    }

    @Test func speakersMustTakeTurns() throws {
        #expect(throws: DialogueError.unexpectedRole(.assistant, position: 0)) {
            _ = try layout().sequence(of: [Message(.assistant, "hello")])
        }
    }
}
