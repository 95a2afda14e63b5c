/// Reads the text of a regular expression.
struct PatternParser {
    /// What a pattern uses that is not known here.
    struct Failure: Error { let reason: String }

    private let text: [Unicode.Scalar]
    private var position = 0
    private var ignoresCase = false
    private var depth = 0
    private static let deepest = 32
    private static let longest = 1 << 14

    init(_ text: [Unicode.Scalar]) { self.text = text }

    mutating func whole() throws -> SplitPattern.Node {
        guard text.count <= Self.longest else { throw Failure(reason: "it is too long") }
        let node = try alternatives()
        guard next == nil else { throw Failure(reason: "a ')' without '('") }
        return node
    }

    private var next: Unicode.Scalar? { position < text.count ? text[position] : nil }

    private mutating func take(_ wanted: String) -> Bool {
        let wanted = Array(wanted.unicodeScalars)
        guard text[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    private mutating func alternatives() throws -> SplitPattern.Node {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw Failure(reason: "it nests too deeply") }
        var (choices, sequence) = ([SplitPattern.Node](), [SplitPattern.Node]())
        while let scalar = next, scalar != ")" {
            if take("|") {
                choices.append(.sequence(sequence))
                sequence = []
            } else {
                sequence.append(try quantified(try atom()))
            }
        }
        choices.append(.sequence(sequence))
        return choices.count == 1 ? choices[0] : .alternatives(choices)
    }

    private mutating func quantified(_ node: SplitPattern.Node) throws -> SplitPattern.Node {
        var node = node
        while true {
            let (least, most): (Int, Int)
            if take("?") {
                (least, most) = (0, 1)
            } else if take("*") {
                (least, most) = (0, .max)
            } else if take("+") {
                (least, most) = (1, .max)
            } else if next == "{" {
                (least, most) = try counts()
            } else {
                return node
            }
            if next == "+" { throw Failure(reason: "a possessive quantifier") }
            node = .repeated(node, least: least, most: most, isGreedy: !take("?"))
        }
    }

    private mutating func counts() throws -> (Int, Int) {
        guard let close = text[position...].firstIndex(of: "}") else {
            throw Failure(reason: "a '{' without '}'")
        }
        let inner = String(String.UnicodeScalarView(text[(position + 1)..<close]))
        let parts = inner.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        position = close + 1
        switch (parts.count, parts[0], parts.last ?? nil) {
        case (1, .some(let count), _): return (count, count)
        case (2, let least, let most) where least != nil || most != nil:
            return (least ?? 0, most ?? .max)
        default: throw Failure(reason: "the quantifier '{\(inner)}'")
        }
    }

    private mutating func atom() throws -> SplitPattern.Node {
        guard let scalar = next else { throw Failure(reason: "it ends too early") }
        position += 1
        switch scalar {
        case "(": return try group()
        case "[": return .one(try characterClass())
        case ".": return .one(set([(.any, false)]))
        case "\\": return .one(try escape())
        case "^", "$", "*", "+", "?": throw Failure(reason: "'\(scalar)' where it stands")
        default: return .one(literal(scalar))
        }
    }

    private mutating func group() throws -> SplitPattern.Node {
        let outer = ignoresCase
        defer { ignoresCase = outer }
        var makesAhead: Bool?
        if take("?!") {
            makesAhead = true
        } else if take("?=") {
            makesAhead = false
        } else if take("?i:") {
            ignoresCase = true
        } else if !take("?:"), next == "?" {
            throw Failure(reason: "a group that begins with '(?'")
        }
        let node = try alternatives()
        guard take(")") else { throw Failure(reason: "a '(' without ')'") }
        return makesAhead.map { .ahead(node, isNegative: $0) } ?? node
    }

    private func set(_ properties: [(CharacterSet.Property, Bool)]) -> CharacterSet {
        var set = CharacterSet()
        set.properties = properties.map { (property: $0.0, isNegative: $0.1) }
        return set
    }

    private func literal(_ scalar: Unicode.Scalar) -> CharacterSet {
        CharacterSet(ranges: [scalar.value...scalar.value], ignoresCase: ignoresCase)
    }

    /// What follows a backslash.
    private mutating func escape() throws -> CharacterSet {
        guard let scalar = next else { throw Failure(reason: "it ends too early") }
        position += 1
        switch scalar {
        case "s": return set([(.space, false)])
        case "S": return set([(.space, true)])
        case "d": return set([(.digit, false)])
        case "D": return set([(.digit, true)])
        case "w": return set([(.word, false)])
        case "W": return set([(.word, true)])
        case "n": return literal("\n")
        case "r": return literal("\r")
        case "t": return literal("\t")
        case "p", "P":
            guard take("{"), let close = text[position...].firstIndex(of: "}") else {
                throw Failure(reason: "'\\\(scalar)' without a name")
            }
            var name = String(String.UnicodeScalarView(text[position..<close]))
            position = close + 1
            let turns = name.hasPrefix("^")
            if turns { name.removeFirst() }
            guard (1...2).contains(name.utf8.count), "LMNPSZC".contains(name.prefix(1)) else {
                throw Failure(reason: "the property '\(name)'")
            }
            return set([(.category(name), (scalar == "P") != turns)])
        case _ where scalar.isLetter || scalar.isNumber:
            throw Failure(reason: "'\\\(scalar)'")
        default: return literal(scalar)
        }
    }

    /// What stands between brackets.
    private mutating func characterClass() throws -> CharacterSet {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw Failure(reason: "it nests too deeply") }
        var result = CharacterSet(ignoresCase: ignoresCase)
        result.isNegative = take("^")
        var isFirst = true
        while let scalar = next {
            position += 1
            if scalar == "]" && !isFirst { return result }
            isFirst = false
            if scalar == "[" {
                result.inner.append(try characterClass())
                continue
            }
            if text[(position - 1)...].starts(with: Array("&&".unicodeScalars)) {
                throw Failure(reason: "an intersection of classes")
            }
            let low: CharacterSet = scalar == "\\" ? try escape() : literal(scalar)
            guard let start = low.ranges.first?.lowerBound, next == "-",
                position + 1 < text.count, text[position + 1] != "]"
            else {
                result.ranges += low.ranges
                result.properties += low.properties
                continue
            }
            position += 1
            let last = text[position]
            position += 1
            let high = last == "\\" ? try escape() : literal(last)
            guard let end = high.ranges.first?.lowerBound, start <= end else {
                throw Failure(reason: "a range that goes backwards")
            }
            result.ranges.append(start...end)
        }
        throw Failure(reason: "a '[' without ']'")
    }
}
