import SouthGPT
import Testing

@Suite struct ReplyTextTests {
    /// What is let through of some pieces, and whether the reply ended.
    private func read(_ pieces: String...) -> (text: String, ended: Bool) {
        var reply = ReplyText()
        var passed = ""
        for piece in pieces { passed += reply.append(piece) }
        passed += reply.flush()
        #expect(passed == reply.text)
        return (passed, reply.hasEnded)
    }

    @Test func aReplyEndsAtTheTerminatorOnALineOfItsOwn() {
        #expect(read("It is a dog.", "\n", "##", "#") == ("It is a dog.", true))
        #expect(read("It is a dog.\n### Human: more") == ("It is a dog.", true))
    }

    @Test func aReplyThatIsOnlyATerminatorIsEmpty() {
        #expect(read(" ###") == ("", true))
    }

    @Test func hashesWithinALineAreText() {
        #expect(read("C## and ", "F### are ", "notes") == ("C## and F### are notes", false))
    }

    @Test func headingsOfTwoHashesAreText() {
        #expect(read("a\n", "##", " b") == ("a\n## b", false))
    }

    @Test func whatMayBecomeATerminatorIsHeldBack() {
        var reply = ReplyText()
        let passed = ["yes\n#", "#", "1"].map { reply.append($0) }
        #expect(passed == ["yes", "", "\n##1"])
    }

    @Test func nothingFollowsTheTerminator() {
        var reply = ReplyText()
        let passed = ["a\n###", "b"].map { reply.append($0) } + [reply.flush()]
        #expect(passed == ["a", "", ""])
    }
}
