/// A step of `tokenizer.json` that cuts text into parts, which the model never joins.
///
/// - Source: tokenizers 0.23, `pre_tokenizers`
indirect enum PreTokenizer: Sendable {
    case sequence([PreTokenizer])
    /// Bytes as printable characters, and by GPT-2's pattern where `cuts`.
    case byteLevel(addsSpace: Bool, cuts: Bool)
    case metaspace(Unicode.Scalar, Scheme, cuts: Bool)
    case split(SplitPattern, Behavior, isInverted: Bool)
    /// At white space, which disappears.
    case whitespaceSplit
    case punctuation(Behavior)
    case digits(eachAlone: Bool)
    /// Words and runs of what is neither word nor space.
    case whitespace
    /// At white space and around each punctuation mark.
    case bert

    enum Scheme: Sendable { case always, first, never }

    enum Behavior: String, Sendable {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    /// A stretch of the text.
    struct Part: Sendable {
        var text: [Unicode.Scalar]
        /// Whether the text that was given begins with it.
        var isFirst: Bool
    }

    func callAsFunction(_ parts: [Part]) -> [Part] {
        switch self {
        case .sequence(let steps): return steps.reduce(parts) { $1($0) }
        case .byteLevel(let addsSpace, let cuts):
            return parts.flatMap { part in
                let spaced = addsSpace && part.text.first != " " ? [" "] + part.text : part.text
                let words =
                    cuts
                    ? WordSplitting.gpt2.words(spaced)
                    : [spaced.flatMap { Array(UTF8.encode($0) ?? .init()) }]
                return words.enumerated().map { index, word in
                    Part(
                        text: word.map { ByteLevelBPE.Alphabet.characters[Int($0)] },
                        isFirst: part.isFirst && index == 0)
                }
            }
        case .metaspace(let mark, let scheme, let cuts):
            return parts.flatMap { part -> [Part] in
                var text = part.text.map { $0 == " " ? mark : $0 }
                let adds =
                    scheme == .always || (scheme == .first && part.isFirst)
                if adds, text.first != mark { text.insert(mark, at: 0) }
                let whole = Part(text: text, isFirst: part.isFirst)
                guard cuts else { return [whole] }
                let marks = text.indices.filter { text[$0] == mark }.map { $0..<($0 + 1) }
                return cut(whole, marks, .mergedWithNext)
            }
        case .split(let pattern, let behavior, let isInverted):
            return parts.flatMap {
                cut($0, pattern.matches(in: $0.text), behavior, isInverted: isInverted)
            }
        case .whitespaceSplit:
            return parts.flatMap { cut($0, each($0, \.properties.isWhitespace), .removed) }
        case .punctuation(let behavior):
            return parts.flatMap { cut($0, each($0, Self.isPunctuation), behavior) }
        case .digits(let alone):
            return parts.flatMap { cut($0, each($0, \.isNumber), alone ? .isolated : .contiguous) }
        case .whitespace:
            return parts.flatMap { cut($0, runs($0), .removed, isInverted: true) }
        case .bert:
            let words = PreTokenizer.whitespaceSplit(parts)
            return words.flatMap { cut($0, each($0, Self.isPunctuation), .isolated) }
        }
    }

    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            return (33...47).contains(scalar.value) || (58...64).contains(scalar.value)
                || (91...96).contains(scalar.value) || (123...126).contains(scalar.value)
        }
        return CharacterSet.category(scalar).hasPrefix("P")
    }

    private func each(_ part: Part, _ holds: (Unicode.Scalar) -> Bool) -> [Range<Int>] {
        part.text.indices.filter { holds(part.text[$0]) }.map { $0..<($0 + 1) }
    }

    /// `\w+|[^\w\s]+`
    private func runs(_ part: Part) -> [Range<Int>] {
        func kind(_ scalar: Unicode.Scalar) -> Int {
            CharacterSet.isWord(scalar) ? 1 : scalar.properties.isWhitespace ? 0 : 2
        }
        var (found, start) = ([Range<Int>](), 0)
        while start < part.text.count {
            let here = kind(part.text[start])
            let end = part.text[start...].firstIndex { kind($0) != here } ?? part.text.count
            if here > 0 { found.append(start..<end) }
            start = end
        }
        return found
    }

    /// The part in pieces: matches and what is between them, joined as `behavior` says.
    private func cut(
        _ part: Part, _ matches: [Range<Int>], _ behavior: Behavior, isInverted: Bool = false
    ) -> [Part] {
        var pieces: [(range: Range<Int>, isMatch: Bool)] = []
        var start = 0
        for match in matches {
            if match.lowerBound > start { pieces.append((start..<match.lowerBound, isInverted)) }
            pieces.append((match, !isInverted))
            start = match.upperBound
        }
        if start < part.text.count { pieces.append((start..<part.text.count, isInverted)) }
        var ranges: [Range<Int>] = []
        var joinsNext = false
        var previous: Bool?
        for (range, isMatch) in pieces {
            let joins: Bool
            switch behavior {
            case .removed:
                if isMatch { continue }
                joins = false
            case .isolated: joins = false
            case .contiguous: joins = previous == isMatch
            case .mergedWithPrevious: joins = isMatch && previous == false
            case .mergedWithNext:
                joins = joinsNext && !isMatch
                joinsNext = isMatch
            }
            previous = isMatch
            if joins, let last = ranges.popLast() {
                ranges.append(last.lowerBound..<range.upperBound)
            } else {
                ranges.append(range)
            }
        }
        return ranges.map {
            Part(text: Array(part.text[$0]), isFirst: part.isFirst && $0.lowerBound == 0)
        }
    }
}
