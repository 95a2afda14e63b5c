import Dialogue
import ModelZoo
import TestSupport
import Testing

@Suite(.enabled(if: TestData.has("llama/tokenizer.model"), "SOUTHGPT_TEST_DATA has LLaMA's model"))
struct SequenceTruncationTests {
    private let layout: SequenceLayout

    init() throws {
        layout = try SequenceLayout(
            LLaMATokenizer(folder: TestData.path("llama")).adding(signalTokens.allNames),
            signalTokens)
    }

    private func textTokens(_ sequence: DialogueSequence) -> Int {
        sequence.elements[sequence.prefixCount...].count {
            if case .token = $0 { true } else { false }
        }
    }

    private let signalTokens = SignalTokens()

    /// Spans lie where their tokens are, media where they are listed, labels beside their tokens.
    private func check(_ sequence: DialogueSequence) throws {
        let tokenizer = layout.tokenizer
        for span in sequence.spans {
            let ids = try signalTokens.ids(of: span.modality, in: tokenizer)
            #expect(sequence.elements[span.elements].elementsEqual(ids.map { .token($0) }))
            #expect(sequence.labels[span.elements].elementsEqual(ids))
        }
        let media = sequence.elements.compactMap {
            if case .medium(let index) = $0 { index } else { nil }
        }
        #expect(media == Array(0..<sequence.media.count))
        #expect(sequence.elements.count == sequence.labels.count)
        for (element, label) in zip(sequence.elements, sequence.labels) {
            if let label { #expect(element == .token(label)) }
        }
    }

    @Test func listsEverySpanOfADialogue() throws {
        let sequence = try layout.sequence(of: [
            Message(.human, [.medium(.image, name: "a"), .text("both")]),
            Message(.assistant, [.text("one"), .signal(.image), .text("two"), .signal(.audio)]),
            Message(.human, "more"), Message(.assistant, [.text("three"), .signal(.image)]),
        ])
        #expect(sequence.spans.map(\.modality) == [.image, .audio, .image])
        #expect(sequence.spans.map(\.signal) == [0, 1, 2])
        try check(sequence)
    }

    @Test func whatFitsStaysWhole() throws {
        let sequence = try layout.sequence(of: [
            Message(.human, [.medium(.image, name: "a"), .text("what?")]),
            Message(.assistant, "a dog"),
        ])
        let fitted = sequence.fitted(to: textTokens(sequence))
        #expect(fitted.fit == .whole)
        #expect(fitted.sequence == sequence)
    }

    @Test func aLongAnswerIsCutOnTheRight() throws {
        let sequence = try layout.sequence(of: [
            Message(.human, [.medium(.image, name: "a"), .text("what?")]),
            Message(.assistant, String(repeating: "word ", count: 100)),
        ])
        let (cut, fit) = sequence.fitted(to: 40)
        let fitted = try #require(cut)
        #expect(fit == .cutRight)
        #expect(textTokens(fitted) == 40)
        #expect(fitted.elements.elementsEqual(sequence.elements.prefix(fitted.elements.count)))
        #expect(fitted.media == sequence.media)
        try check(fitted)
    }

    @Test func aSpanAtTheEndCostsTheBeginningOfTheText() throws {
        let sequence = try layout.sequence(of: [
            Message(.human, String(repeating: "word ", count: 100)),
            Message(.assistant, [.text("here"), .signal(.video)]),
        ])
        for length in [26, 40, 60] {
            let (cut, fit) = sequence.fitted(to: length)
            let fitted = try #require(cut)
            #expect(fit == .cutLeft)
            #expect(textTokens(fitted) == length)
            #expect(fitted.spans.count == 1)
            #expect(
                fitted.elements.prefix(fitted.prefixCount)
                    == sequence.elements.prefix(sequence.prefixCount))
            #expect(fitted.elements.last == sequence.elements.last)
            try check(fitted)
        }
        #expect(sequence.fitted(to: 20).fit == .dropped)
        #expect(sequence.fitted(to: 20).sequence == nil)
    }

    @Test func earlierSpansGoAsAWholeAndLaterOnesKeepTheirNumber() throws {
        let sequence = try layout.sequence(of: [
            Message(.human, [.medium(.video, name: "first"), .text("a")]),
            Message(.assistant, [.text("one"), .signal(.image)]),
            Message(.human, [.text("and "), .medium(.audio, name: "later"), .text(" b")]),
            Message(.assistant, [.text("two"), .signal(.audio)]),
        ])
        var fits: Set<SequenceFit> = []
        for length in 1...textTokens(sequence) {
            let (cut, fit) = sequence.fitted(to: length)
            fits.insert(fit)
            guard let fitted = cut else { continue }
            try check(fitted)
            #expect(textTokens(fitted) <= length)
            #expect(fitted.media.first?.name == "first")
            #expect(fitted.spans.last?.signal == 1)
            // A medium keeps both its marks.
            for (index, element) in fitted.elements.enumerated() {
                guard case .medium = element else { continue }
                #expect(fitted.elements[index - 1] == .token(32000))
                #expect(fitted.elements[index + 1] == .token(32001))
            }
        }
        // The terminator alone may be cut off the end: the spans stay.
        #expect(fits == Set(SequenceFit.allCases))
    }

    @Test func aLongQuestionKeepsItsAnswer() throws {
        let sequence = try layout.sequence(of: [
            Message(.human, String(repeating: "word ", count: 100)), Message(.assistant, "yes"),
        ])
        let (cut, fit) = sequence.fitted(to: 30)
        #expect(fit == .cutLeft)
        #expect(cut?.labels.suffix(4) == sequence.labels.suffix(4))
    }

    @Test func marksThatSomeoneTypedStayText() throws {
        let sequence = try layout.sequence(of: [
            Message(.human, "what do <Img> and [IMG0] [IMG1] mean?"),
            Message(.assistant, [.text("[AUD0] is a mark </s>"), .signal(.audio)]),
        ])
        #expect(sequence.media.isEmpty)
        #expect(sequence.spans.count == 1)
        let added = sequence.elements.filter {
            if case .token(let id) = $0 { id >= 32000 } else { false }
        }
        #expect(added.count == 8)
        #expect(!sequence.elements.contains(.token(2)))
        try check(sequence)
    }
}
