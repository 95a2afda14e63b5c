/// Reads little-endian numbers one after the other from a part of a mapped file, never beyond it.
struct ByteCursor {
    let file: MappedFile
    let what: String
    private(set) var position: Int
    let end: Int
    private let bytes: UnsafeRawBufferPointer

    init(_ file: MappedFile, in range: Range<Int>, of what: String) {
        self.init(file, file.bytes, in: range, of: what)
    }

    /// Over bytes that came out of `file` (an inflated entry).
    init(
        _ file: MappedFile, _ bytes: UnsafeRawBufferPointer, in range: Range<Int>, of what: String
    ) {
        (self.file, self.bytes, self.what) = (file, bytes, what)
        (position, end) = (range.lowerBound, range.upperBound)
    }

    var remaining: Int { end - position }

    func malformed(_ rule: String) -> CheckpointError { .malformed(file: file.path, rule: rule) }

    /// The next `count` bytes.
    mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else { throw malformed("\(what) is cut short") }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
    }

    mutating func skip(_ count: Int) throws { _ = try take(count) }

    mutating func read<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ type: Integer.Type
    ) throws -> Integer {
        Integer(
            littleEndian: try take(MemoryLayout<Integer>.size).loadUnaligned(as: Integer.self))
    }

    /// A 64-bit size that must be one: not beyond 2⁶³.
    mutating func readSize() throws -> Int {
        try ByteCursor.size(try read(UInt64.self), file)
    }

    static func size(_ value: UInt64, _ file: MappedFile) throws -> Int {
        // Half of the range, so that the sum of two never overflows.
        guard value <= UInt64(Int.max / 2) else {
            throw CheckpointError.malformed(
                file: file.path, rule: "a size of \(value) bytes is impossible")
        }
        return Int(value)
    }

    /// `count` bytes as UTF-8, or as Latin-1 where they are not.
    mutating func text(_ count: Int) throws -> String {
        let bytes = try take(count)
        return String(validating: bytes, as: UTF8.self)
            ?? String(String.UnicodeScalarView(bytes.map { UnicodeScalar($0) }))
    }

    /// The text up to the next newline, which is read too.
    mutating func line() throws -> String {
        guard let newline = bytes[position..<end].firstIndex(of: 10) else {
            throw malformed("\(what) is cut short")
        }
        let line = try text(newline - position)
        position += 1
        return line
    }
}
