/// One header of a tar archive: POSIX ustar and GNU's.
struct TarHeader: Equatable {
    static let blockSize = 512

    let name: String
    let size: Int
    let kind: UInt8

    /// Reads a block of 512 bytes; nil for one of zeros, which ends the archive.
    ///
    /// - Throws: `TableFault` that says what is wrong
    init?(_ block: [UInt8]) throws {
        precondition(block.count == TarHeader.blockSize, "TarHeader: \(block.count) bytes")
        if block.allSatisfy({ $0 == 0 }) { return nil }
        // The checksum counts its own field as eight spaces.
        let sum = block.reduce(0) { $0 + Int($1) } - block[148..<156].reduce(0) { $0 + Int($1) }
        guard let stated = TarHeader.number(block[148..<156]), stated == sum + 8 * 0x20 else {
            throw TableFault(found: "a header whose checksum is wrong")
        }
        guard let size = TarHeader.number(block[124..<136]) else {
            throw TableFault(found: "a header without a size")
        }
        var name = TarHeader.text(block[0..<100])
        let isPOSIX = block[257..<263].elementsEqual(Array("ustar\0".utf8))
        if isPOSIX, block[345] != 0 { name = TarHeader.text(block[345..<500]) + "/" + name }
        (self.name, self.size, kind) = (name, size, block[156])
    }

    /// The bytes up to the first zero; names that are not UTF-8 are mended, they are only names.
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// An octal number, or a binary one as GNU writes what eleven digits cannot hold; nil for
    /// anything else, negative numbers among it.
    static func number(_ field: ArraySlice<UInt8>) -> Int? {
        if let first = field.first, first & 0x80 != 0 {
            var value = Int(first & 0x7F)
            for byte in field.dropFirst() {
                guard value < 1 << 54 else { return nil }
                value = value << 8 | Int(byte)
            }
            return first & 0x40 == 0 ? value : nil
        }
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x37).contains($0) }) else {
            return nil
        }
        return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
    }

    /// The records of a pax header, `"<length> <key>=<value>\n"` each.
    ///
    /// - Throws: `TableFault`
    static func paxRecords(_ bytes: [UInt8]) throws -> [String: String] {
        var records: [String: String] = [:]
        var rest = bytes[...]
        while let first = rest.first, first != 0 {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard let length = Int(String(decoding: digits, as: UTF8.self)),
                length > digits.count + 1, length <= rest.count,
                rest.dropFirst(digits.count).first == 0x20
            else { throw TableFault(found: "an extended header with a wrong length") }
            let record = rest.prefix(length)
            let body = record.dropFirst(digits.count + 1)
            guard record.last == 0x0A, let equals = body.firstIndex(of: UInt8(ascii: "=")) else {
                throw TableFault(found: "an extended header without '='")
            }
            records[String(decoding: body[..<equals], as: UTF8.self)] =
                String(decoding: body[(equals + 1)...].dropLast(), as: UTF8.self)
            rest = rest.dropFirst(length)
        }
        return records
    }
}
