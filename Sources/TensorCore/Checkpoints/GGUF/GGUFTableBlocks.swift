// Blocks whose few bits choose from a short list of numbers.
// Source: ggml `ggml-common.h` and `ggml-quants.c`; OCP Microscaling Formats 1.0 for MXFP4.

extension GGUFBlock {
    /// Levels that lie closer together near zero.
    private static let curved: [Float] = [
        -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
    ]
    /// Twice the sixteen numbers of four bits: a sign, two bits of exponent, one of fraction.
    private static let tinyFloats: [Float] = [
        0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12,
    ]

    /// Half the elements from the low nibbles of `half` bytes, the others from the high ones.
    private func readNibbles(
        _ offset: Int, half: Int, _ levels: [Float], _ scale: Float,
        into x: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<half {
            x[i] = scale * levels[Int(self[offset + i] & 15)]
            x[i + half] = scale * levels[Int(self[offset + i] >> 4)]
        }
    }

    func readIQ4_NL(into x: UnsafeMutablePointer<Float>) {
        readNibbles(2, half: 16, Self.curved, half(0), into: x)
    }

    /// A scale of six bits for each 32: four in a nibble, two in a word of all.
    func readIQ4_XS(into x: UnsafeMutablePointer<Float>) {
        let (scale, high) = (half(0), short(2))
        for group in 0..<8 {
            let low = self[4 + group / 2] >> UInt8(4 * (group % 2)) & 15
            let six = low | UInt8(high >> UInt16(2 * group) & 3) << 4
            readNibbles(
                8 + 16 * group, half: 16, Self.curved, scale * (Float(six) - 32),
                into: x + 32 * group)
        }
    }

    /// `d · (q − 1)`, q of three values, five of them in a byte as the digits of a fraction.
    func readTQ1_0(into x: UnsafeMutablePointer<Float>) {
        let scale = half(52)
        // Stretches of bytes, each with so many digits; digit by digit through each stretch.
        for (offset, bytes, digits, first) in [(0, 32, 5, 0), (32, 16, 5, 160), (48, 4, 4, 240)] {
            for byte in 0..<bytes {
                var rest = self[offset + byte]
                for digit in 0..<digits {
                    let value = (UInt16(rest) * 3) >> 8
                    x[first + digit * bytes + byte] = scale * (Float(value) - 1)
                    rest = rest &* 3
                }
            }
        }
    }

    /// `d · (q − 1)`, q of two bits.
    func readTQ2_0(into x: UnsafeMutablePointer<Float>) {
        let scale = half(64)
        for i in 0..<256 { x[i] = scale * (Float(twoBits(i, at: 0)) - 1) }
    }

    /// A power of two for 32 elements; half of it, as the levels are doubled.
    func readMXFP4(into x: UnsafeMutablePointer<Float>) {
        let exponent = UInt32(self[0])
        let bits = exponent < 2 ? 0x0020_0000 << exponent : (exponent - 1) << 23
        readNibbles(1, half: 16, Self.tinyFloats, Float(bitPattern: bits), into: x)
    }

    /// A scale without sign for each 16: four bits of exponent, three of fraction.
    func readNVFP4(into x: UnsafeMutablePointer<Float>) {
        for group in 0..<4 {
            let (byte, exponent) = (self[group], Int(self[group] >> 3 & 15))
            let fraction = Float(byte & 7)
            // Half of it, as the levels are doubled.
            let scale: Float =
                exponent == 0
                ? fraction * 0x1p-10
                : (1 + fraction / 8) * Float(sign: .plus, exponent: exponent - 8, significand: 1)
            let isNone = byte == 0 || byte == 0x7F
            readNibbles(
                4 + 8 * group, half: 8, Self.tinyFloats, isNone ? 0 : scale, into: x + 16 * group)
        }
    }
}
