import Dialogue
import ModelZoo
import Testing

@Suite struct SignalGrammarTests {
    private let spans: [Modality: [Int]] = [.image: [10, 11], .video: [20, 21, 22], .audio: [30]]

    private func forbidden(_ grammar: SignalGrammar) -> Set<Int>? {
        if case .free(let forbidden) = grammar.rule { forbidden } else { nil }
    }

    @Test func leftToItselfTheModelMayBeginAnySpanOnce() {
        var grammar = SignalGrammar(spans: spans, neverSampled: [1])
        #expect(forbidden(grammar) == [1, 11, 21, 22])
        #expect(grammar.accept(5) == nil)
        #expect(grammar.accept(10) == nil)
        #expect(grammar.rule == .forced(11))
        #expect(grammar.accept(11) == SignalGrammar.Span(modality: .image, ids: [10, 11]))
        #expect(forbidden(grammar) == [1, 10, 11, 21, 22])
        #expect(!grammar.beginOwedSpan())
    }

    @Test func aSpanOnceBegunIsForcedToItsEnd() {
        var grammar = SignalGrammar(spans: spans)
        #expect(grammar.accept(20) == nil)
        #expect(grammar.isInsideSpan)
        #expect(grammar.rule == .forced(21))
        #expect(grammar.accept(21) == nil)
        #expect(grammar.rule == .forced(22))
        #expect(grammar.accept(22)?.modality == .video)
        #expect(!grammar.isInsideSpan)
    }

    @Test func aSpanOfOneTokenIsCompleteAtOnce() {
        var grammar = SignalGrammar(spans: spans)
        #expect(grammar.accept(30) == SignalGrammar.Span(modality: .audio, ids: [30]))
    }

    @Test func namedModalitiesAreOwedInOrderAndOthersForbidden() {
        var grammar = SignalGrammar(spans: spans, wanted: [.video, .image])
        #expect(forbidden(grammar) == [11, 21, 22, 30])
        #expect(grammar.beginOwedSpan())
        #expect(grammar.rule == .forced(20))
        for id in [20, 21, 22] { _ = grammar.accept(id) }
        #expect(grammar.beginOwedSpan())
        #expect(grammar.rule == .forced(10))
        for id in [10, 11] { _ = grammar.accept(id) }
        #expect(!grammar.beginOwedSpan())
        #expect(forbidden(grammar) == [10, 11, 20, 21, 22, 30])
    }

    @Test func aNamedModalityThatWasSampledIsNotOwedAgain() {
        var grammar = SignalGrammar(spans: spans, wanted: [.image, .audio])
        for id in [10, 11] { _ = grammar.accept(id) }
        #expect(grammar.beginOwedSpan())
        #expect(grammar.rule == .forced(30))
        _ = grammar.accept(30)
        #expect(!grammar.beginOwedSpan())
    }

    @Test func nothingNamedMeansNoMedia() {
        let grammar = SignalGrammar(spans: spans, wanted: [])
        #expect(forbidden(grammar) == [10, 11, 20, 21, 22, 30])
    }
}
