/// Bytes to text as they arrive, never half a character.
///
/// A byte that cannot be part of a character gives one U+FFFD: as SentencePiece does, and unlike
/// Swift's own decoding, which gives one for a whole broken sequence.
struct UTF8Assembler: Sendable {
    private var pending: [UInt8] = []

    /// The text that is certain after one more byte.
    mutating func append(_ byte: UInt8) -> String {
        pending.append(byte)
        return drain(whole: false)
    }

    /// What is left, its broken bytes replaced.
    mutating func finish() -> String { drain(whole: true) }

    private mutating func drain(whole: Bool) -> String {
        var text = ""
        var start = 0
        while start < pending.count {
            switch Self.character(pending[start...]) {
            case .complete(let scalar, let count):
                text.unicodeScalars.append(scalar)
                start += count
            case .incomplete where !whole:
                pending.removeFirst(start)
                return text
            case .incomplete, .invalid:
                text.unicodeScalars.append("\u{FFFD}")
                start += 1
            }
        }
        pending.removeAll(keepingCapacity: true)
        return text
    }

    private enum Character {
        case complete(Unicode.Scalar, Int)
        case incomplete
        case invalid
    }

    /// The character that some bytes begin with.
    private static func character(_ bytes: ArraySlice<UInt8>) -> Character {
        guard let lead = bytes.first else { return .incomplete }
        if lead < 0x80 { return .complete(Unicode.Scalar(lead), 1) }
        let count: Int
        switch lead {
        case 0xC2...0xDF: count = 2
        case 0xE0...0xEF: count = 3
        case 0xF0...0xF4: count = 4
        default: return .invalid
        }
        var value = UInt32(lead) & (0xFF >> UInt32(count + 1))
        for (index, byte) in bytes.dropFirst().prefix(count - 1).enumerated() {
            guard byte & 0xC0 == 0x80 else { return .invalid }
            if index == 0 {
                // Overlong forms, surrogates and values past U+10FFFF.
                switch (lead, byte) {
                case (0xE0, ..<0xA0), (0xED, 0xA0...), (0xF0, ..<0x90), (0xF4, 0x90...):
                    return .invalid
                default: break
                }
            }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        guard bytes.count >= count else { return .incomplete }
        return Unicode.Scalar(value).map { .complete($0, count) } ?? .invalid
    }
}
