/// One value of a GGUF file's metadata.
public enum GGUFValue: Equatable, Sendable {
    /// An integer, and how it is stored.
    case integer(Int, GGUFValueType)
    /// A real number, and how it is stored.
    case real(Double, GGUFValueType)
    case bool(Bool)
    case string(String)
    case array(GGUFArray)

    /// The integer, where this is one.
    public var integer: Int? {
        if case .integer(let value, _) = self { value } else { nil }
    }

    /// The number, where this is one of any kind.
    public var number: Double? {
        switch self {
        case .integer(let value, _): Double(value)
        case .real(let value, _): value
        default: nil
        }
    }

    /// The truth value, where this is one.
    public var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The text, where this is one.
    public var text: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The array, where this is one.
    public var array: GGUFArray? {
        if case .array(let value) = self { value } else { nil }
    }

    /// An integer as most readers expect sizes: unsigned, of 32 bits.
    public static func uint32(_ value: Int) -> GGUFValue { .integer(value, .uint32) }

    /// A real number as most readers expect them.
    public static func float32(_ value: Float) -> GGUFValue { .real(Double(value), .float32) }
}

/// How a value is stored.
public enum GGUFValueType: UInt32, Sendable {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64
    case float64

    /// Bytes of a value, where all have as many.
    var byteCount: Int? {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        case .string, .array: nil
        }
    }
}

/// An array of metadata, as its bytes lie in the file: it is taken apart when it is asked for.
public struct GGUFArray: Equatable, Sendable {
    /// What the elements are.
    public let elementType: GGUFValueType
    /// How many there are.
    public let count: Int
    let bytes: [UInt8]

    init(elementType: GGUFValueType, count: Int, bytes: [UInt8]) {
        (self.elementType, self.count, self.bytes) = (elementType, count, bytes)
    }

    /// Texts.
    public init(_ values: [String]) {
        let bytes = values.flatMap { littleEndian(UInt64($0.utf8.count)) + Array($0.utf8) }
        self.init(elementType: .string, count: values.count, bytes: bytes)
    }

    /// Real numbers.
    public init(_ values: [Float]) {
        self.init(
            elementType: .float32, count: values.count,
            bytes: values.flatMap { littleEndian($0.bitPattern) })
    }

    /// Integers of 32 bits.
    public init(_ values: [Int32]) {
        self.init(
            elementType: .int32, count: values.count, bytes: values.flatMap { littleEndian($0) })
    }

    /// The texts, where these are texts; what is not UTF-8 in them is replaced.
    public var strings: [String]? {
        guard elementType == .string else { return nil }
        var (values, position) = ([String](), 0)
        values.reserveCapacity(count)
        bytes.withUnsafeBytes { bytes in
            for _ in 0..<count {
                let length = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                let end = position + 8 + Int(length.littleEndian)
                values.append(String(decoding: bytes[(position + 8)..<end], as: UTF8.self))
                position = end
            }
        }
        return values
    }

    /// The numbers, where these are numbers.
    public var numbers: [Double]? {
        bytes.withUnsafeBytes { bytes in
            func each<Number: BitwiseCopyable>(
                _ type: Number.Type, _ convert: (Number) -> Double
            ) -> [Double] {
                (0..<count).map {
                    let offset = $0 * MemoryLayout<Number>.size
                    return convert(bytes.loadUnaligned(fromByteOffset: offset, as: type))
                }
            }
            return switch elementType {
            case .uint8, .bool: each(UInt8.self) { Double($0) }
            case .int8: each(Int8.self) { Double($0) }
            case .uint16: each(UInt16.self) { Double($0.littleEndian) }
            case .int16: each(Int16.self) { Double($0.littleEndian) }
            case .uint32: each(UInt32.self) { Double($0.littleEndian) }
            case .int32: each(Int32.self) { Double($0.littleEndian) }
            case .uint64: each(UInt64.self) { Double($0.littleEndian) }
            case .int64: each(Int64.self) { Double($0.littleEndian) }
            case .float32:
                each(UInt32.self) { Double(Float(bitPattern: $0.littleEndian)) }
            case .float64: each(UInt64.self) { Double(bitPattern: $0.littleEndian) }
            case .string, .array: nil
            }
        }
    }
}

extension GGUFValue: CustomStringConvertible {
    /// The value as it is shown to people; of an array only its size.
    public var description: String {
        switch self {
        case .integer(let value, _): "\(value)"
        case .real(let value, _): "\(value)"
        case .bool(let value): "\(value)"
        case .string(let value): value
        case .array(let value): "\(value.count) × \(value.elementType)"
        }
    }
}
