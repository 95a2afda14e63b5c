// The blocks of GGUF files that no `DType` keeps, read out as numbers.
// Source: ggml `ggml-common.h` and `ggml-quants.c`.

extension GGUFType {
    /// Reads blocks out as numbers: `bytes` holds whole ones, `numbers` room for all their elements.
    func decode(_ bytes: UnsafeRawBufferPointer, into numbers: UnsafeMutablePointer<Float>) {
        guard let start = bytes.baseAddress else { return }
        for index in 0..<(bytes.count / blockByteCount) {
            let block = GGUFBlock(start: start + index * blockByteCount)
            let x = numbers + index * blockSize
            switch self {
            case .q4_1: block.readQ4_1(into: x)
            case .q5_0: block.readQ5_0(into: x)
            case .q5_1: block.readQ5_1(into: x)
            case .q8_1: block.readQ8_1(into: x)
            case .q2_K: block.readQ2_K(into: x)
            case .q3_K: block.readQ3_K(into: x)
            case .q5_K: block.readQ5_K(into: x)
            case .q8_K: block.readQ8_K(into: x)
            case .iq1_S: block.readIQ1_S(into: x)
            case .iq1_M: block.readIQ1_M(into: x)
            case .iq2_XXS: block.readIQ2_XXS(into: x)
            case .iq2_XS: block.readIQ2_XS(into: x)
            case .iq2_S: block.readIQ2_S(into: x)
            case .iq3_XXS: block.readIQ3_XXS(into: x)
            case .iq3_S: block.readIQ3_S(into: x)
            case .iq4_NL: block.readIQ4_NL(into: x)
            case .iq4_XS: block.readIQ4_XS(into: x)
            case .tq1_0: block.readTQ1_0(into: x)
            case .tq2_0: block.readTQ2_0(into: x)
            case .mxfp4: block.readMXFP4(into: x)
            case .nvfp4: block.readNVFP4(into: x)
            default: preconditionFailure("GGUFType.decode: \(self) is kept in its blocks")
            }
        }
    }
}

/// The bytes of one block.
struct GGUFBlock {
    let start: UnsafeRawPointer

    subscript(index: Int) -> UInt8 { start.load(fromByteOffset: index, as: UInt8.self) }

    func half(_ offset: Int) -> Float {
        halfToFloat(short(offset))
    }

    func short(_ offset: Int) -> UInt16 {
        start.loadUnaligned(fromByteOffset: offset, as: UInt16.self).littleEndian
    }

    func word(_ offset: Int) -> UInt32 {
        start.loadUnaligned(fromByteOffset: offset, as: UInt32.self).littleEndian
    }

    /// `d · q + m`; elements 0 to 15 in the low halves of 16 bytes, the others in the high ones.
    func readQ4_1(into x: UnsafeMutablePointer<Float>) {
        let (scale, least) = (half(0), half(2))
        for i in 0..<16 {
            x[i] = scale * Float(self[4 + i] & 15) + least
            x[i + 16] = scale * Float(self[4 + i] >> 4) + least
        }
    }

    /// The five-bit integer of element i: four bits as in Q4, the fifth in a word of 32.
    private func fiveBits(_ i: Int, fifth: UInt32, nibbles: Int) -> UInt8 {
        let byte = self[nibbles + i % 16]
        let low = i < 16 ? byte & 15 : byte >> 4
        return low | UInt8(truncatingIfNeeded: fifth >> UInt32(i) & 1) << 4
    }

    /// `d · (q − 16)`.
    func readQ5_0(into x: UnsafeMutablePointer<Float>) {
        let (scale, fifth) = (half(0), word(2))
        for i in 0..<32 {
            x[i] = scale * (Float(fiveBits(i, fifth: fifth, nibbles: 6)) - 16)
        }
    }

    /// `d · q + m`.
    func readQ5_1(into x: UnsafeMutablePointer<Float>) {
        let (scale, least, fifth) = (half(0), half(2), word(4))
        for i in 0..<32 {
            x[i] = scale * Float(fiveBits(i, fifth: fifth, nibbles: 8)) + least
        }
    }

    /// `d · q`; the second number, a sum for dot products, is not needed.
    func readQ8_1(into x: UnsafeMutablePointer<Float>) {
        let scale = half(0)
        for i in 0..<32 { x[i] = scale * Float(Int8(bitPattern: self[4 + i])) }
    }

    /// `d · q`, d in `float32`; the sums at the end are not needed.
    func readQ8_K(into x: UnsafeMutablePointer<Float>) {
        let scale = Float(bitPattern: word(0))
        for i in 0..<256 { x[i] = scale * Float(Int8(bitPattern: self[4 + i])) }
    }

    /// Two bits of element i, in two halves of 128 elements and four rows of 32 each.
    func twoBits(_ i: Int, at offset: Int) -> UInt8 {
        let (part, row) = (i / 128, i % 128 / 32)
        return self[offset + part * 32 + i % 32] >> UInt8(2 * row) & 3
    }

    /// `d · scale · q − dmin · least`, a scale and a least value of four bits for each 16.
    func readQ2_K(into x: UnsafeMutablePointer<Float>) {
        let (scale, least) = (half(80), half(82))
        for i in 0..<256 {
            let both = self[i / 16]
            x[i] =
                scale * Float(both & 15) * Float(twoBits(i, at: 16)) - least * Float(both >> 4)
        }
    }

    /// `d · scale · (q − 4)`, q of three bits; a scale of six bits for each 16.
    func readQ3_K(into x: UnsafeMutablePointer<Float>) {
        let scale = half(108)
        for group in 0..<16 {
            let byte = self[96 + group % 8]
            let low = group < 8 ? byte & 15 : byte >> 4
            let high = self[104 + group % 4] >> UInt8(2 * (group / 4)) & 3
            let factor = scale * (Float(low | high << 4) - 32)
            for i in (group * 16)..<(group * 16 + 16) {
                let isHigh = self[i % 32] >> UInt8(i / 32) & 1 == 1
                x[i] = factor * (Float(twoBits(i, at: 32)) - (isHigh ? 0 : 4))
            }
        }
    }

    /// `d · scale · q − dmin · least`, q of five bits; scales and least values packed as in Q4_K.
    func readQ5_K(into x: UnsafeMutablePointer<Float>) {
        let (scale, least) = (half(0), half(2))
        for group in 0..<8 {
            let (first, second) = (self[4 + group % 4], self[8 + group % 4])
            let third = self[12 + group % 4]
            let six = group < 4 ? first & 63 : third & 15 | first >> 2 & 48
            let under = group < 4 ? second & 63 : third >> 4 | second >> 2 & 48
            let (factor, offset) = (scale * Float(six), least * Float(under))
            for l in 0..<32 {
                let byte = self[48 + group / 2 * 32 + l]
                let low = group.isMultiple(of: 2) ? byte & 15 : byte >> 4
                let fifth = self[16 + l] >> UInt8(group) & 1
                x[group * 32 + l] = factor * Float(low | fifth << 4) - offset
            }
        }
    }
}
