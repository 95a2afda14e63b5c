/// Changes files at random, the same way for the same seed.
public struct FileMutation {
    private var state: UInt64

    /// The first change of a seed.
    public init(seed: UInt64) { state = seed }

    /// A number from zero.
    public mutating func number(below bound: Int) -> Int {
        // SplitMix64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return Int((z ^ z >> 31) % UInt64(max(bound, 1)))
    }

    private static let numbers: [UInt64] = [
        0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF,
        0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max,
    ]

    /// A file with one to six places of it changed.
    public mutating func changed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...number(below: 6) where !bytes.isEmpty {
            // Tables of contents are at one end: half of the changes fall there.
            let near = min(bytes.count, 1 << (4 + number(below: 8)))
            let place =
                switch number(below: 4) {
                case 0: number(below: near)
                case 1: bytes.count - 1 - number(below: near)
                default: number(below: bytes.count)
                }
            switch number(below: 7) {
            case 0: bytes[place] ^= 1 << UInt8(number(below: 8))
            case 1: bytes[place] = UInt8(number(below: 256))
            case 2:
                let value = Self.numbers[number(below: Self.numbers.count)]
                for index in 0..<(1 << number(below: 4)) where place + index < bytes.count {
                    bytes[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
                }
            case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + number(below: 16)))
            case 4:
                let end = min(bytes.count, place + 1 + number(below: 32))
                bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 5: bytes.removeLast(min(bytes.count, number(below: 64)))
            default:
                let digits = Array("-9e0[{\"\\".utf8)
                bytes.insert(digits[number(below: digits.count)], at: place)
            }
        }
        return bytes
    }
}
