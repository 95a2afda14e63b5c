// The protobuf wire format: as much of it as SentencePiece models and event files need, both ways.

/// One message as its fields in file order, those we do not know included, so that what is read
/// can be written again unchanged.
package struct ProtobufMessage: Equatable, Sendable {
    package enum Value: Equatable, Sendable {
        case varint(UInt64)
        case fixed64(UInt64)
        case bytes([UInt8])
        case fixed32(UInt32)
    }

    package struct Field: Equatable, Sendable {
        package let number: Int
        package var value: Value
    }

    package var fields: [Field] = []

    package init() {}

    /// - Throws: `TokenizerError.malformed` for a length or a varint that leaves the bytes
    package init(_ bytes: ArraySlice<UInt8>, file: String) throws {
        var reader = WireReader(rest: bytes, file: file)
        while !reader.rest.isEmpty { fields.append(try reader.field()) }
    }

    // Of a field that occurs twice the last one counts, as the format says.

    package func int(_ number: Int, default value: Int) -> Int {
        for field in fields.reversed() where field.number == number {
            if case .varint(let bits) = field.value {
                return Int(Int64(bitPattern: bits))
            }
        }
        return value
    }

    func bool(_ number: Int, default value: Bool) -> Bool {
        int(number, default: value ? 1 : 0) != 0
    }

    package func float(_ number: Int) -> Float {
        for field in fields.reversed() where field.number == number {
            if case .fixed32(let bits) = field.value { return Float(bitPattern: bits) }
        }
        return 0
    }

    package func bytes(_ number: Int) -> [UInt8]? {
        for field in fields.reversed() where field.number == number {
            if case .bytes(let bytes) = field.value { return bytes }
        }
        return nil
    }

    package mutating func add(_ number: Int, int value: Int) {
        fields.append(Field(number: number, value: .varint(UInt64(bitPattern: Int64(value)))))
    }

    package mutating func add(_ number: Int, double value: Double) {
        fields.append(Field(number: number, value: .fixed64(value.bitPattern)))
    }

    package mutating func add(_ number: Int, float value: Float) {
        fields.append(Field(number: number, value: .fixed32(value.bitPattern)))
    }

    package mutating func add(_ number: Int, bytes value: some Sequence<UInt8>) {
        fields.append(Field(number: number, value: .bytes([UInt8](value))))
    }

    package var serialized: [UInt8] {
        var out: [UInt8] = []
        for field in fields {
            let key = UInt64(field.number) << 3
            switch field.value {
            case .varint(let value):
                out.appendVarint(key)
                out.appendVarint(value)
            case .fixed64(let value):
                out.appendVarint(key | 1)
                out.appendLittleEndian(value, bytes: 8)
            case .bytes(let value):
                out.appendVarint(key | 2)
                out.appendVarint(UInt64(value.count))
                out += value
            case .fixed32(let value):
                out.appendVarint(key | 5)
                out.appendLittleEndian(UInt64(value), bytes: 4)
            }
        }
        return out
    }
}

private struct WireReader {
    var rest: ArraySlice<UInt8>
    let file: String

    mutating func field() throws -> ProtobufMessage.Field {
        let key = try varint()
        let number = Int(key >> 3)
        guard number >= 1, number < 1 << 29 else {
            throw TokenizerError.malformed(file: file, rule: "protobuf field number \(number)")
        }
        switch key & 7 {
        case 0: return .init(number: number, value: .varint(try varint()))
        case 1: return .init(number: number, value: .fixed64(try littleEndian(8)))
        case 2:
            let count = try varint()
            guard count <= UInt64(rest.count) else {
                throw TokenizerError.malformed(
                    file: file,
                    rule: "protobuf field \(number) is \(count) bytes long, \(rest.count) are left")
            }
            return .init(number: number, value: .bytes([UInt8](take(Int(count)))))
        case 5: return .init(number: number, value: .fixed32(UInt32(try littleEndian(4))))
        case let type:
            throw TokenizerError.malformed(
                file: file, rule: "protobuf field \(number) is of unknown wire type \(type)")
        }
    }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8> {
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private mutating func littleEndian(_ count: Int) throws -> UInt64 {
        guard rest.count >= count else {
            throw TokenizerError.malformed(file: file, rule: "protobuf ends inside a number")
        }
        return take(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func varint() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            guard let byte = rest.popFirst() else {
                throw TokenizerError.malformed(file: file, rule: "protobuf ends inside a number")
            }
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        throw TokenizerError.malformed(file: file, rule: "a protobuf number of over ten bytes")
    }
}

extension [UInt8] {
    fileprivate mutating func appendVarint(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            append(UInt8(value & 0x7F) | 0x80)
            value >>= 7
        }
        append(UInt8(value))
    }

    fileprivate mutating func appendLittleEndian(_ value: UInt64, bytes count: Int) {
        for index in 0..<count { append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }
}
