/// Finds the records of a file of lines: one a line, or, in tables, over several lines where a
/// field in quotation marks has line breaks.
struct LineScan {
    private(set) var spans: [RecordSpan] = []

    private let file: String
    private let limits: RecordLimits
    /// What separates fields, where these may be quoted over several lines; nil for plain lines.
    private let separator: UInt8?
    private var line = 1
    private var (start, startLine) = (0, 1)
    private var isFieldStart = true
    private var isQuoted = false
    private var isBlank = true

    init(file: String, limits: RecordLimits, quotedFieldsBy separator: UInt8? = nil) {
        (self.file, self.limits, self.separator) = (file, limits, separator)
    }

    mutating func consume(_ bytes: UnsafeBufferPointer<UInt8>, at offset: Int) throws {
        var index = 0
        if offset == 0, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { (index, start) = (3, 3) }
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\n") {
                line += 1
                if !isQuoted { try endRecord(offset + index) }
            } else {
                if byte > 0x20 { isBlank = false }
                if let separator { meet(byte, separator) }
            }
            index += 1
        }
        try limits.admit(bytes: offset + bytes.count - start, file: file, line: startLine)
    }

    /// A doubled mark within a quoted field closes and opens it again, which comes to the same.
    private mutating func meet(_ byte: UInt8, _ separator: UInt8) {
        if byte == UInt8(ascii: "\""), isQuoted || isFieldStart {
            isFieldStart = isQuoted
            isQuoted.toggle()
        } else if !isQuoted {
            isFieldStart = byte == separator
        }
    }

    private mutating func endRecord(_ end: Int) throws {
        try limits.admit(bytes: end - start, file: file, line: startLine)
        if !isBlank { spans.append(RecordSpan(start..<end, line: startLine)) }
        (start, startLine) = (end + 1, line)
        (isFieldStart, isQuoted, isBlank) = (true, false, true)
    }

    /// Ends the scan where the file ends, with or without a last line break.
    mutating func finish(at end: Int) throws -> [RecordSpan] {
        guard !isQuoted else {
            throw DatasetError.malformed(
                file: file, line: startLine, found: "a field in quotation marks without an end",
                expected: "the closing mark",
                mend: "Was the download complete? A mark within a field is written twice.")
        }
        if start < end { try endRecord(end) }
        return spans
    }
}
