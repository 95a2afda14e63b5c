// The patterns by which tokenizer.json cuts text: as much of a regular expression as they use.
// Reference: tokenizers 0.23, which runs them through Oniguruma.

/// A regular expression over characters, matched by trying alternatives in order.
///
/// Known are literals, `.`, classes with ranges and `\s \S \d \D \w \W \r \n \t \p{…} \P{…}`,
/// groups, `(?:…)`, `(?i:…)`, lookahead `(?=…)` and `(?!…)`, `|`, and the quantifiers
/// `? * + {m,n}`, greedy or not.
package struct SplitPattern: Sendable {
    private let root: Node
    /// What a search may cost, in steps for each character of the text.
    private static let stepsPerCharacter = 2000
    /// How deep a match may call itself: the stack is finite.
    private static let deepest = 1000

    indirect enum Node: Sendable {
        case one(CharacterSet)
        case sequence([Node])
        case alternatives([Node])
        case repeated(Node, least: Int, most: Int, isGreedy: Bool)
        case ahead(Node, isNegative: Bool)
    }

    /// Reads a pattern.
    ///
    /// - Throws: `PatternParser.Failure` for one that uses more than the above
    package init(_ text: String) throws {
        var parser = PatternParser(Array(text.unicodeScalars))
        root = try parser.whole()
    }

    /// A literal text.
    init(literal text: String) {
        root = .sequence(
            text.unicodeScalars.map { .one(CharacterSet(ranges: [$0.value...$0.value])) })
    }

    /// The matches, none empty, from left to right.
    package func matches(in text: [Unicode.Scalar]) -> [Range<Int>] {
        var matcher = Matcher(text: text, steps: Self.stepsPerCharacter * (text.count + 64))
        var (found, start) = ([Range<Int>](), 0)
        while start < text.count {
            if let end = matcher.match(root, start, then: { _, end in end }), end > start {
                found.append(start..<end)
                start = end
            } else {
                start += 1
            }
        }
        return found
    }

    /// Follows a pattern; a pattern that branches without bound runs out of steps and matches
    /// nothing more.
    private struct Matcher {
        let text: [Unicode.Scalar]
        var steps: Int
        var depth = 0

        typealias Rest = (inout Matcher, Int) -> Int?

        mutating func match(_ node: Node, _ start: Int, then rest: Rest) -> Int? {
            steps -= 1
            depth += 1
            defer { depth -= 1 }
            guard steps > 0, depth <= SplitPattern.deepest else { return nil }
            switch node {
            case .one(let set):
                guard start < text.count, set.contains(text[start]) else { return nil }
                return rest(&self, start + 1)
            case .sequence(let nodes): return match(nodes[...], start, then: rest)
            case .alternatives(let nodes):
                for node in nodes {
                    if let end = match(node, start, then: rest) { return end }
                }
                return nil
            case .ahead(let node, let isNegative):
                let found = match(node, start, then: { _, end in end }) != nil
                return found == isNegative ? nil : rest(&self, start)
            case .repeated(.one(let set), let least, let most, let isGreedy):
                return run(set, least, most, isGreedy, start, then: rest)
            case .repeated(let node, let least, let most, let isGreedy):
                return repeated(node, least, most, isGreedy, start, depth: 0, then: rest)
            }
        }

        private mutating func match(
            _ nodes: ArraySlice<Node>, _ start: Int, then rest: Rest
        ) -> Int? {
            guard let first = nodes.first else { return rest(&self, start) }
            return match(first, start) { matcher, end in
                matcher.match(nodes.dropFirst(), end, then: rest)
            }
        }

        /// Characters of one class: as many as there are, then fewer, or the other way round.
        private mutating func run(
            _ set: CharacterSet, _ least: Int, _ most: Int, _ isGreedy: Bool, _ start: Int,
            then rest: Rest
        ) -> Int? {
            var count = 0
            let longest = min(most, text.count - start)
            if !isGreedy {
                while count < least {
                    guard count < longest, set.contains(text[start + count]) else { return nil }
                    count += 1
                    steps -= 1
                }
                while true {
                    if let end = rest(&self, start + count) { return end }
                    guard count < longest, set.contains(text[start + count]) else { return nil }
                    count += 1
                    steps -= 1
                    guard steps > 0 else { return nil }
                }
            }
            while count < longest, set.contains(text[start + count]) { count += 1 }
            // What lies ahead may be looked at from every place.
            steps -= count
            guard steps > 0 else { return nil }
            while count >= least {
                if let end = rest(&self, start + count) { return end }
                count -= 1
                steps -= 1
                guard steps > 0 else { return nil }
            }
            return nil
        }

        private mutating func repeated(
            _ node: Node, _ least: Int, _ most: Int, _ isGreedy: Bool, _ start: Int, depth: Int,
            then rest: Rest
        ) -> Int? {
            // A group of its own for every round is rare, and never this long.
            guard depth < 256 else { return nil }
            if !isGreedy, depth >= least, let end = rest(&self, start) { return end }
            if depth < most {
                let end = match(node, start) { matcher, end in
                    guard end > start || depth < least else { return nil }
                    return matcher.repeated(
                        node, least, most, isGreedy, end, depth: depth + 1, then: rest)
                }
                if let end { return end }
            }
            return isGreedy && depth >= least ? rest(&self, start) : nil
        }
    }
}

/// A class of characters.
struct CharacterSet: Sendable {
    enum Property: Sendable {
        case space, digit, word, any
        /// A general category by its one or two letters.
        case category(String)

        func contains(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .any: scalar != "\n"
            case .space: scalar.properties.isWhitespace
            case .digit: scalar.properties.generalCategory == .decimalNumber
            case .word: CharacterSet.isWord(scalar)
            case .category(let name):
                switch name {
                case "L": scalar.isLetter
                case "N": scalar.isNumber
                default: CharacterSet.category(scalar).hasPrefix(name)
                }
            }
        }
    }

    var ranges: [ClosedRange<UInt32>] = []
    var properties: [(property: Property, isNegative: Bool)] = []
    /// Classes within this one.
    var inner: [CharacterSet] = []
    var isNegative = false
    var ignoresCase = false

    func contains(_ scalar: Unicode.Scalar) -> Bool { holds(scalar) != isNegative }

    private func holds(_ scalar: Unicode.Scalar) -> Bool {
        if ranges.contains(where: { $0.contains(scalar.value) }) { return true }
        for (property, isNegative) in properties
        where property.contains(scalar) != isNegative { return true }
        if inner.contains(where: { $0.contains(scalar) }) { return true }
        guard ignoresCase else { return false }
        return [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping].contains {
            // The long s and the Kelvin sign meet their letters in the other case.
            let mapped = $0.unicodeScalars
            guard mapped.count == 1, let other = mapped.first else { return false }
            let again = other.properties.lowercaseMapping.unicodeScalars.first?.value
            return ranges.contains { range in
                range.contains(other.value) || (again.map(range.contains) ?? false)
            }
        }
    }

    /// Unicode's `\w`: letters, marks, digits, connecting punctuation and joiners.
    static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        let category = category(scalar)
        return scalar.properties.isAlphabetic || category.hasPrefix("M") || category == "Nd"
            || category == "Pc" || scalar.properties.isJoinControl
    }

    static func category(_ scalar: Unicode.Scalar) -> String {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter: "Lu"
        case .lowercaseLetter: "Ll"
        case .titlecaseLetter: "Lt"
        case .modifierLetter: "Lm"
        case .otherLetter: "Lo"
        case .nonspacingMark: "Mn"
        case .spacingMark: "Mc"
        case .enclosingMark: "Me"
        case .decimalNumber: "Nd"
        case .letterNumber: "Nl"
        case .otherNumber: "No"
        case .connectorPunctuation: "Pc"
        case .dashPunctuation: "Pd"
        case .openPunctuation: "Ps"
        case .closePunctuation: "Pe"
        case .initialPunctuation: "Pi"
        case .finalPunctuation: "Pf"
        case .otherPunctuation: "Po"
        case .mathSymbol: "Sm"
        case .currencySymbol: "Sc"
        case .modifierSymbol: "Sk"
        case .otherSymbol: "So"
        case .spaceSeparator: "Zs"
        case .lineSeparator: "Zl"
        case .paragraphSeparator: "Zp"
        case .control: "Cc"
        case .format: "Cf"
        case .surrogate: "Cs"
        case .privateUse: "Co"
        case .unassigned: "Cn"
        @unknown default: "Cn"
        }
    }
}
