// Strings that are one token whatever surrounds them, cut out of the text before anything else.

/// The tokens of a vocabulary that text is cut at.
///
/// Source: transformers 4.29.2, `PreTrainedTokenizer.tokenize`: leftmost first, there the longest.
struct AddedTokens: Sendable {
    struct Entry: Sendable {
        let text: String
        let id: Int
        /// Whether white space to its left, to its right, goes with it.
        let stripsLeft: Bool
        let stripsRight: Bool
    }

    enum Segment {
        case text(Substring.UnicodeScalarView)
        case token(Int)
    }

    private(set) var entries: [Entry] = []
    private var trie = ByteTrie()

    mutating func add(_ text: String, id: Int, stripsLeft: Bool, stripsRight: Bool) {
        trie.insert(text.utf8, value: entries.count)
        entries.append(
            Entry(text: text, id: id, stripsLeft: stripsLeft, stripsRight: stripsRight))
    }

    /// Adds special tokens. A token that any file writes as an object has that object's rules;
    /// one that only plain strings name takes the white space on both its sides, if `plainStrips`.
    mutating func add(
        special tokens: [SpecialToken], plainStrips: Bool, id: (String) -> Int?
    ) {
        var rules: [[UInt8]: SpecialToken] = [:]
        for token in tokens where !token.isPlain { rules[Array(token.content.utf8)] = token }
        var seen: Set<[UInt8]> = []
        for token in tokens {
            let text = Array(token.content.utf8)
            guard !seen.contains(text), let id = id(token.content) else { continue }
            seen.insert(text)
            let rule = rules[text]
            add(
                token.content, id: id, stripsLeft: rule?.lstrip ?? plainStrips,
                stripsRight: rule?.rstrip ?? plainStrips)
        }
    }

    /// The text in pieces: tokens, and what is between them.
    func cut(_ text: String) -> [Segment] {
        guard !entries.isEmpty else { return text.isEmpty ? [] : [.text(text[...].unicodeScalars)] }
        let bytes = Array(text.utf8)
        var segments: [Segment] = []
        var (start, position) = (0, 0)
        var stripsNext = false

        func addText(upTo end: Int, stripsRight: Bool) {
            var piece = String(decoding: bytes[start..<end], as: UTF8.self)[...].unicodeScalars
            if stripsNext { piece = piece.drop(while: \.isPythonSpace) }
            if stripsRight {
                while let last = piece.last, last.isPythonSpace { piece.removeLast() }
            }
            if !piece.isEmpty { segments.append(.text(piece)) }
        }
        while position < bytes.count {
            guard let match = trie.longestMatch(bytes[position...]) else {
                position += 1
                continue
            }
            let entry = entries[match.value]
            addText(upTo: position, stripsRight: entry.stripsLeft)
            segments.append(.token(entry.id))
            stripsNext = entry.stripsRight
            position += match.length
            start = position
        }
        addText(upTo: bytes.count, stripsRight: false)
        return segments
    }
}

extension Unicode.Scalar {
    /// What Python's `str.isspace` takes for white space: Unicode's, and four ASCII separators.
    var isPythonSpace: Bool {
        properties.isWhitespace || (0x1C...0x1F).contains(value)
    }

    var isLetter: Bool {
        if value < 0x80 { return (0x41...0x5A).contains(value & ~0x20) }
        return switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            true
        default: false
        }
    }

    var isNumber: Bool {
        if value < 0x80 { return (0x30...0x39).contains(value) }
        return switch properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: true
        default: false
        }
    }
}
