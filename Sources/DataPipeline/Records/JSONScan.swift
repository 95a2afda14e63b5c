/// Finds the values of a JSON array, or of a row of JSON values, without reading what they say: it
/// follows brackets and quotation marks, and keeps no more than where each value lies. Whether a
/// value is sound shows when it is read.
struct JSONScan {
    private(set) var spans: [RecordSpan] = []

    private enum State {
        case opening, beforeValue, afterComma, inValue, afterValue, done
    }

    private let file: String
    private let limits: RecordLimits
    private var state = State.opening
    /// Whether values stand in an array, not simply one after the other.
    private var isArray = true
    private var line = 1
    private var depth = 0
    private var isInText = false
    private var isEscaped = false
    private var (start, startLine) = (0, 1)

    init(file: String, limits: RecordLimits) {
        (self.file, self.limits) = (file, limits)
    }

    mutating func consume(_ bytes: UnsafeBufferPointer<UInt8>, at offset: Int) throws {
        var index = offset == 0 && bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        while index < bytes.count {
            if state == .inValue {
                index = skipInside(bytes, from: index)
                if index < bytes.count { try meetInside(bytes[index], at: offset + index) }
            } else {
                try meetOutside(bytes[index], at: offset + index)
            }
            if index < bytes.count, bytes[index] == UInt8(ascii: "\n") { line += 1 }
            index += 1
        }
        if state == .inValue {
            try limits.admit(bytes: offset + bytes.count - start, file: file, line: startLine)
        }
    }

    /// The next byte that means something within a value.
    private func skipInside(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var index = start
        if isEscaped { return index }
        if isInText {
            while index < bytes.count {
                switch bytes[index] {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "\n"): return index
                default: index += 1
                }
            }
        }
        return index
    }

    private mutating func meetInside(_ byte: UInt8, at place: Int) throws {
        if isEscaped {
            isEscaped = false
        } else if isInText {
            if byte == UInt8(ascii: "\\") { isEscaped = true }
            if byte == UInt8(ascii: "\"") {
                isInText = false
                if depth == 0 { try endValue(place + 1) }
            }
        } else {
            switch byte {
            case UInt8(ascii: "\""): isInText = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                // A number at the end of the array is ended by the array's bracket.
                if depth == 0 {
                    try endValue(place)
                    try meetOutside(byte, at: place)
                } else {
                    depth -= 1
                    if depth == 0 { try endValue(place + 1) }
                }
            case UInt8(ascii: ","), 0x20, 0x09...0x0D:
                if depth == 0 {
                    try endValue(place)
                    try meetOutside(byte, at: place)
                }
            default: break
            }
        }
    }

    private mutating func endValue(_ end: Int) throws {
        try limits.admit(bytes: end - start, file: file, line: startLine)
        spans.append(RecordSpan(start..<end, line: startLine))
        state = .afterValue
    }

    private mutating func meetOutside(_ byte: UInt8, at place: Int) throws {
        switch (state, byte) {
        case (_, 0x20), (_, 0x09...0x0D): return
        case (.opening, UInt8(ascii: "[")): state = .beforeValue
        case (.opening, UInt8(ascii: "{")):
            isArray = false
            begin(byte, at: place)
        case (.beforeValue, UInt8(ascii: "]")) where isArray,
            (.afterValue, UInt8(ascii: "]")) where isArray:
            state = .done
        case (.afterValue, UInt8(ascii: ",")) where isArray: state = .afterComma
        case (.afterValue, UInt8(ascii: "{")) where !isArray: begin(byte, at: place)
        case (.beforeValue, _) where byte != UInt8(ascii: ","),
            (.afterComma, _) where byte != UInt8(ascii: ",") && byte != UInt8(ascii: "]"):
            begin(byte, at: place)
        default: throw unexpected(byte)
        }
    }

    private mutating func begin(_ byte: UInt8, at place: Int) {
        (start, startLine) = (place, line)
        state = .inValue
        depth = byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") ? 1 : 0
        isInText = byte == UInt8(ascii: "\"")
    }

    private func unexpected(_ byte: UInt8) -> DatasetError {
        let shown =
            (0x21...0x7E).contains(byte) ? "'\(Character(UnicodeScalar(byte)))'" : "byte \(byte)"
        let expected =
            switch state {
            case .opening: "'[', the beginning of an array of records"
            case .afterValue: isArray ? "',' or ']' after record \(spans.count - 1)" : "'{'"
            case .done: "nothing after the array"
            default: "a record"
            }
        return .malformed(
            file: file, line: line, found: shown, expected: expected,
            mend: "Is it a JSON file, and whole?")
    }

    /// Ends the scan where the file ends.
    func finish() throws -> [RecordSpan] {
        switch state {
        case .done: return spans
        case .afterValue where !isArray: return spans
        case .inValue:
            throw DatasetError.malformed(
                file: file, line: startLine,
                found: "the end of the file within record \(spans.count)", expected: "its end",
                mend: "Was the download or copy complete?")
        default:
            throw DatasetError.malformed(
                file: file, line: line,
                found: "the end of the file after \(spans.count) records", expected: "']'",
                mend: "Was the download or copy complete?")
        }
    }
}
