/// A JSON value that keeps the order and the duplicates of its objects, for tables of contents of
/// files that nobody vouches for.
package enum OrderedJSON: Equatable, Sendable {
    case object([Member])
    case array([OrderedJSON])
    case string(String)
    case integer(Int)
    case real(Double)
    case bool(Bool)
    case null

    /// One name and its value.
    package struct Member: Equatable, Sendable {
        package let name: String
        package let value: OrderedJSON
    }

    /// What is wrong with a text, and where.
    package struct Failure: Error, Equatable {
        package let offset: Int
        package let reason: String
    }

    /// Parses a whole text.
    ///
    /// - Parameter depth: arrays and objects may nest this deep
    /// - Throws: `OrderedJSON.Failure`
    package init(_ text: UnsafeRawBufferPointer, depth: Int = 16) throws {
        var parser = Parser(text: text)
        self = try parser.value(depth)
        parser.skipSpace()
        guard parser.position == text.count else { throw parser.failure("text after the value") }
    }

    /// The members, where this is an object.
    package var members: [Member]? {
        if case .object(let members) = self { members } else { nil }
    }

    /// The text, where this is one.
    package var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The integers, where this is an array of them.
    package var integers: [Int]? {
        guard case .array(let values) = self else { return nil }
        var integers: [Int] = []
        for value in values {
            guard case .integer(let integer) = value else { return nil }
            integers.append(integer)
        }
        return integers
    }

    /// The first member of that name, where this is an object that has one.
    package subscript(name: String) -> OrderedJSON? {
        members?.first { $0.name == name }?.value
    }

    /// `text` between quotation marks, escaped.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

private struct Parser {
    let text: UnsafeRawBufferPointer
    var position = 0

    init(text: UnsafeRawBufferPointer) { self.text = text }

    func failure(_ reason: String) -> OrderedJSON.Failure {
        OrderedJSON.Failure(offset: position, reason: reason)
    }

    var next: UInt8? { position < text.count ? text[position] : nil }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func value(_ depth: Int) throws -> OrderedJSON {
        guard depth > 0 else { throw failure("nested too deeply") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth)
        case UInt8(ascii: "["): return try array(depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case nil: throw failure("the text ends too early")
        default: return try number()
        }
    }

    private mutating func word(_ word: String, _ value: OrderedJSON) throws -> OrderedJSON {
        guard text[position...].starts(with: word.utf8) else { throw failure("unknown word") }
        position += word.utf8.count
        return value
    }

    private mutating func object(_ depth: Int) throws -> OrderedJSON {
        position += 1
        var members: [OrderedJSON.Member] = []
        skipSpace()
        if take("}") { return .object([]) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw failure("a name is expected") }
            let name = try string()
            skipSpace()
            guard take(":") else { throw failure("':' is expected") }
            members.append(OrderedJSON.Member(name: name, value: try value(depth - 1)))
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw failure("',' or '}' is expected") }
        }
    }

    private mutating func array(_ depth: Int) throws -> OrderedJSON {
        position += 1
        var values: [OrderedJSON] = []
        skipSpace()
        if take("]") { return .array([]) }
        while true {
            values.append(try value(depth - 1))
            skipSpace()
            if take("]") { return .array(values) }
            guard take(",") else { throw failure("',' or ']' is expected") }
        }
    }

    private mutating func number() throws -> OrderedJSON {
        let start = position
        while let byte = next,
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || "+-.eE".utf8.contains(byte)
        { position += 1 }
        let digits = String(decoding: text[start..<position], as: UTF8.self)
        if let integer = Int(digits) { return .integer(integer) }
        guard let real = Double(digits), real.isFinite else { throw failure("not a value") }
        return .real(real)
    }

    private mutating func string() throws -> String {
        position += 1
        var units: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: units, as: UTF8.self) else {
                    throw failure("a text that is not UTF-8")
                }
                return string
            case UInt8(ascii: "\\"): units += Array(try escaped().utf8)
            case 0..<0x20: throw failure("a control character in a text")
            default: units.append(byte)
            }
        }
        throw failure("a text without an end")
    }

    private mutating func escaped() throws -> String {
        guard let byte = next else { throw failure("the text ends too early") }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "u"):
            var units = [try codeUnit()]
            if UTF16.isLeadSurrogate(units[0]), take("\\") {
                guard take("u") else { throw failure("half a surrogate pair") }
                units.append(try codeUnit())
            }
            guard let string = String(validating: units, as: UTF16.self) else {
                throw failure("half a surrogate pair")
            }
            return string
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
            return String(UnicodeScalar(byte))
        default: throw failure("an unknown escape")
        }
    }

    private mutating func codeUnit() throws -> UInt16 {
        guard text.count - position >= 4,
            let unit = UInt16(
                String(decoding: text[position..<(position + 4)], as: UTF8.self), radix: 16)
        else { throw failure("an unknown escape") }
        position += 4
        return unit
    }
}
