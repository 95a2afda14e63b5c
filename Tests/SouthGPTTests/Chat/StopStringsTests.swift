import SouthGPT
import Testing

@Suite struct StopStringsTests {
    private func shown(_ pieces: [String], _ stops: [String]) -> (parts: [String], ended: Bool) {
        var stream = StopStrings(stops)
        let parts = pieces.map { stream.append($0) } + [stream.finish()]
        return (parts, stream.hasEnded)
    }

    @Test func holdsBackWhatMayBecomeAStop() {
        let (parts, ended) = shown(["a#", "#b#", "##", "c"], ["###"])
        #expect(parts == ["a", "##b", "", "", ""])
        #expect(ended)
        #expect(shown(["a#", "#"], ["###"]).parts == ["a", "", "##"])
        #expect(shown(["one", " END", "two"], ["END", "two"]).parts == ["one", " ", "", ""])
        #expect(shown(["anything"], []).parts == ["anything", ""])
    }
}
