/// Where a record lies in its file: sixteen bytes each, all that is kept of one that is not in use.
struct RecordSpan: Equatable {
    /// Its first byte.
    let start: UInt64
    /// Its bytes.
    let length: UInt32
    /// The line it begins on, from 1.
    let line: UInt32

    var range: Range<Int> { Int(start)..<Int(start) + Int(length) }

    init(_ range: Range<Int>, line: Int) {
        start = UInt64(range.lowerBound)
        length = UInt32(range.count)
        self.line = UInt32(clamping: line)
    }
}

/// How much of an untrusted dataset is accepted.
public struct RecordLimits: Equatable, Sendable {
    /// Bytes of one record.
    public var recordBytes: Int
    /// Characters of one text in it.
    public var textLength: Int
    /// Arrays and objects within one another.
    public var depth: Int

    /// Limits far above every published dataset's.
    public init(recordBytes: Int = 64 << 20, textLength: Int = 1_000_000, depth: Int = 32) {
        precondition((1...1 << 30).contains(recordBytes), "RecordLimits: \(recordBytes) bytes")
        (self.recordBytes, self.textLength, self.depth) = (recordBytes, textLength, depth)
    }

    /// Throws where a record that began on that line has become too long.
    func admit(bytes: Int, file: String, line: Int) throws {
        guard bytes > recordBytes else { return }
        throw DatasetError.malformed(
            file: file, line: line, found: "a record of more than \(recordBytes) bytes",
            expected: "shorter ones", mend: "Is a closing quotation mark or bracket missing?")
    }
}
