/// Reads the text of a regular expression.
package struct PatternParser {
    /// What a pattern uses that is not known here.
    package struct Failure: Error { package let reason: String }

    private let text: [Unicode.Scalar]
    private var position = 0
    private var ignoresCase = false
    private var depth = 0
    private var (classDepth, classEntries) = (0, 0)
    private static let deepest = 32
    private static let longest = 1 << 14
    private static let mostQuantifiers = 3
    private static let mostRounds = 1000
    /// Every character of a text may be held against every entry of a class.
    private static let largestClass = 256

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
        for _ in 0...Self.mostQuantifiers {
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
        throw Failure(reason: "more than \(Self.mostQuantifiers) quantifiers in a row")
    }

    private mutating func counts() throws -> (Int, Int) {
        guard let close = text[position...].firstIndex(of: "}") else {
            throw Failure(reason: "a '{' without '}'")
        }
        let inner = String(String.UnicodeScalarView(text[(position + 1)..<close]))
        let failure = Failure(reason: "the quantifier '{\(inner)}'")
        position = close + 1
        let parts = try inner.split(separator: ",", omittingEmptySubsequences: false).map {
            if $0.isEmpty { return Int?.none }
            guard $0.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int($0),
                count <= Self.mostRounds
            else { throw failure }
            return count
        }
        guard (1...2).contains(parts.count), parts.contains(where: { $0 != nil }) else {
            throw failure
        }
        let least = parts[0] ?? 0
        let most = parts.count == 1 ? least : parts[1] ?? .max
        guard least <= most else { throw failure }
        return (least, most)
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
        classDepth += 1
        defer { (depth, classDepth) = (depth - 1, classDepth - 1) }
        guard depth <= Self.deepest else { throw Failure(reason: "it nests too deeply") }
        if classDepth == 1 { classEntries = 0 }
        var result = CharacterSet(ignoresCase: ignoresCase)
        result.isNegative = take("^")
        var isFirst = true
        while let scalar = next {
            position += 1
            if scalar == "]" && !isFirst { return result }
            isFirst = false
            classEntries += 1
            guard classEntries <= Self.largestClass else {
                throw Failure(reason: "a class of more than \(Self.largestClass) entries")
            }
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
