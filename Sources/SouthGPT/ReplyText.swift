/// The text of a reply as it arrives: holds back what may yet turn out to be the terminator, and
/// ends where the terminator stands at the beginning of a line.
package struct ReplyText {
    /// What was let through so far.
    package private(set) var text = ""
    /// Whether the terminator came.
    package private(set) var hasEnded = false
    private var held = ""

    package init() {}

    private static let mark: Substring = "###"

    /// Takes a piece in and returns what is now certain to be text.
    package mutating func append(_ piece: String) -> String {
        guard !hasEnded else { return "" }
        held += piece
        if let end = terminatorStart(in: held) {
            hasEnded = true
            held = String(held[..<end])
            return flush()
        }
        return release(upTo: possibleTerminatorStart(in: held))
    }

    /// Lets through what was held back: no terminator can come any more.
    package mutating func flush() -> String { release(upTo: held.endIndex) }

    private mutating func release(upTo end: String.Index) -> String {
        let certain = String(held[..<end])
        held = String(held[end...])
        text += certain
        return certain
    }

    /// Where a line begins with `###`, the line break before it included.
    private func terminatorStart(in held: String) -> String.Index? {
        for range in held.ranges(of: ReplyText.mark) {
            if let start = lineStart(before: range.lowerBound, in: held) { return start }
        }
        return nil
    }

    /// Where the end of `held` could be the beginning of a terminator.
    private func possibleTerminatorStart(in held: String) -> String.Index {
        let tail = held.reversed().prefix { $0 == "#" }.count
        guard tail < ReplyText.mark.count else { return held.endIndex }
        return lineStart(before: held.index(held.endIndex, offsetBy: -tail), in: held)
            ?? held.endIndex
    }

    /// The start of the white space that separates `index` from the line before, or nil where
    /// something else stands between.
    private func lineStart(before index: String.Index, in held: String) -> String.Index? {
        var start = index
        var sawBreak = false
        while start > held.startIndex {
            let previous = held.index(before: start)
            guard held[previous].isWhitespace else { break }
            sawBreak = sawBreak || held[previous].isNewline
            start = previous
        }
        let atBeginning = start == held.startIndex && text.isEmpty
        return sawBreak || atBeginning ? start : nil
    }
}
