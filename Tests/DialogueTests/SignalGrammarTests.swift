import Dialogue
import ModelZoo
import Testing

@Suite struct SignalGrammarTests {
    private let spans: [Modality: [Int]] = [.image: [10, 11], .video: [20, 21, 22], .audio: [30]]

    private func forbidden(_ grammar: SignalGrammar) -> Set<Int>? {
        if case .free(let forbidden) = grammar.rule { forbidden } else { nil }
    }

    private func accept(_ id: Int, _ grammar: inout SignalGrammar) -> SignalGrammar.Span? {
        grammar.accept(id)
    }

    private func begin(_ grammar: inout SignalGrammar) -> Bool { grammar.beginOwedSpan() }

    @Test func leftToItselfTheModelMayBeginAnySpanOnce() {
        var grammar = SignalGrammar(spans: spans, neverSampled: [1])
        #expect(forbidden(grammar) == [1, 11, 21, 22])
        #expect(accept(5, &grammar) == nil)
        #expect(accept(10, &grammar) == nil)
        #expect(grammar.rule == .forced(11))
        #expect(accept(11, &grammar) == SignalGrammar.Span(modality: .image, ids: [10, 11]))
        #expect(forbidden(grammar) == [1, 10, 11, 21, 22])
        #expect(!begin(&grammar))
    }

    @Test func aSpanOnceBegunIsForcedToItsEnd() {
        var grammar = SignalGrammar(spans: spans)
        #expect(accept(20, &grammar) == nil)
        #expect(grammar.isInsideSpan)
        #expect(grammar.rule == .forced(21))
        #expect(accept(21, &grammar) == nil)
        #expect(grammar.rule == .forced(22))
        #expect(accept(22, &grammar)?.modality == .video)
        #expect(!grammar.isInsideSpan)
    }

    @Test func aSpanOfOneTokenIsCompleteAtOnce() {
        var grammar = SignalGrammar(spans: spans)
        #expect(accept(30, &grammar) == SignalGrammar.Span(modality: .audio, ids: [30]))
    }

    @Test func namedModalitiesAreOwedInOrderAndOthersForbidden() {
        var grammar = SignalGrammar(spans: spans, wanted: [.video, .image])
        #expect(forbidden(grammar) == [11, 21, 22, 30])
        #expect(begin(&grammar))
        #expect(grammar.rule == .forced(20))
        for id in [20, 21, 22] { _ = grammar.accept(id) }
        #expect(begin(&grammar))
        #expect(grammar.rule == .forced(10))
        for id in [10, 11] { _ = grammar.accept(id) }
        #expect(!begin(&grammar))
        #expect(forbidden(grammar) == [10, 11, 20, 21, 22, 30])
    }

    @Test func aNamedModalityThatWasSampledIsNotOwedAgain() {
        var grammar = SignalGrammar(spans: spans, wanted: [.image, .audio])
        for id in [10, 11] { _ = grammar.accept(id) }
        #expect(begin(&grammar))
        #expect(grammar.rule == .forced(30))
        _ = grammar.accept(30)
        #expect(!begin(&grammar))
    }

    @Test func nothingNamedMeansNoMedia() {
        let grammar = SignalGrammar(spans: spans, wanted: [])
        #expect(forbidden(grammar) == [10, 11, 20, 21, 22, 30])
    }
}
