// The patterns by which the byte-level tokenizers cut text into words, written out as scanners.

/// How text is cut into words, none of which byte-pair encoding joins.
enum WordSplitting: Sendable {
    /// CLIP: `'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+`; white space disappears.
    case clip
    /// GPT-2: `'s|…|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`; nothing disappears.
    case gpt2

    /// The words of a text in order, each as bytes.
    func words(_ text: some Collection<Unicode.Scalar>) -> [[UInt8]] {
        let scalars = Array(text)
        var words: [[UInt8]] = []
        var start = 0
        while start < scalars.count {
            let end = self == .clip ? clipWord(scalars, start) : gpt2Word(scalars, start)
            if end > start {
                words.append(scalars[start..<end].flatMap { Array(UTF8.encode($0) ?? .init()) })
            }
            start = max(end, start + 1)
        }
        return words
    }

    private enum Class { case letter, number, space, other }

    private static func kind(_ scalar: Unicode.Scalar) -> Class {
        if scalar.isLetter { return .letter }
        if scalar.isNumber { return .number }
        return scalar.properties.isWhitespace ? .space : .other
    }

    private static func runEnd(_ scalars: [Unicode.Scalar], _ start: Int) -> Int {
        let kind = kind(scalars[start])
        return scalars[start...].firstIndex { Self.kind($0) != kind } ?? scalars.count
    }

    /// The end of a contraction such as `'ll`; `start` where there is none.
    private static func contractionEnd(
        _ scalars: [Unicode.Scalar], _ start: Int, longS: Bool
    ) -> Int {
        guard scalars[start] == "'", start + 1 < scalars.count else { return start }
        let next = scalars[start + 1]
        if ["s", "t", "m", "d"].contains(next) || (longS && next == "\u{17F}") { return start + 2 }
        guard start + 2 < scalars.count else { return start }
        switch (next, scalars[start + 2]) {
        case ("r", "e"), ("v", "e"), ("l", "l"): return start + 3
        default: return start
        }
    }

    /// Nothing (`start`) for white space.
    private func clipWord(_ scalars: [Unicode.Scalar], _ start: Int) -> Int {
        // The pattern ignores case, and U+017F is a lower-case s to it.
        let contraction = Self.contractionEnd(scalars, start, longS: true)
        if contraction > start { return contraction }
        switch Self.kind(scalars[start]) {
        case .space: return start
        case .number: return start + 1
        case .letter, .other: return Self.runEnd(scalars, start)
        }
    }

    private func gpt2Word(_ scalars: [Unicode.Scalar], _ start: Int) -> Int {
        let contraction = Self.contractionEnd(scalars, start, longS: false)
        if contraction > start { return contraction }
        let kind = Self.kind(scalars[start])
        guard kind == .space else { return Self.runEnd(scalars, start) }
        if scalars[start] == " ", start + 1 < scalars.count,
            Self.kind(scalars[start + 1]) != .space
        {
            return Self.runEnd(scalars, start + 1)
        }
        // The last space of a run belongs to the word that follows.
        let end = Self.runEnd(scalars, start)
        return end < scalars.count && end - start > 1 ? end - 1 : end
    }
}
