// The element types of GGUF files, and the blocks that no `DType` keeps.
// Source: ggml `docs/gguf.md` and `ggml-common.h`.

/// An element type of a GGUF file.
enum GGUFType: UInt32, CaseIterable {
    case f32 = 0
    case f16 = 1
    case q4_0 = 2
    case q4_1 = 3
    case q5_0 = 6
    case q5_1 = 7
    case q8_0 = 8
    case q8_1 = 9
    case q2_K = 10
    case q3_K = 11
    case q4_K = 12
    case q5_K = 13
    case q6_K = 14
    case i8 = 24
    case i16 = 25
    case i32 = 26
    case i64 = 27
    case f64 = 28
    case bf16 = 30

    /// The type that a tensor of these elements has as it lies in the file; nil for blocks that are
    /// read out into `float32` when they are loaded.
    var dtype: DType? {
        switch self {
        case .f32: .float32
        case .f16: .float16
        case .bf16: .bfloat16
        case .f64: .float64
        case .i8: .int8
        case .i16: .int16
        case .i32: .int32
        case .i64: .int64
        case .q8_0: .q8_0
        case .q4_0: .q4_0
        case .q4_K: .q4_K
        case .q6_K: .q6_K
        case .q4_1, .q5_0, .q5_1, .q8_1, .q2_K, .q3_K, .q5_K: nil
        }
    }

    /// The type under which elements of `dtype` are written; nil where the format has none.
    init?(_ dtype: DType) {
        guard let type = GGUFType.allCases.first(where: { $0.dtype == dtype }) else { return nil }
        self = type
    }

    /// Elements that share scales.
    var blockSize: Int {
        switch self {
        case .q4_1, .q5_0, .q5_1, .q8_1: 32
        case .q2_K, .q3_K, .q5_K: 256
        default: dtype?.blockSize ?? 1
        }
    }

    /// Bytes of a block, or of an element that stands alone.
    var blockByteCount: Int {
        switch self {
        case .q4_1: 20
        case .q5_0: 22
        case .q5_1: 24
        case .q8_1: 36
        case .q2_K: 84
        case .q3_K: 110
        case .q5_K: 176
        default: dtype?.blockByteCount ?? 1
        }
    }

    /// What a number that is none of these stands for, for messages.
    static func name(of number: UInt32) -> String {
        let known: [UInt32: String] = [
            4: "Q4_2, retired", 5: "Q4_3, retired", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS",
            18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS",
            29: "IQ1_M", 31: "Q4_0_4_4, retired", 32: "Q4_0_4_8, retired",
            33: "Q4_0_8_8, retired", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4",
        ]
        return known[number] ?? "number \(number)"
    }
}

extension GGUFType {
    /// Reads blocks out as numbers: `bytes` holds whole ones, `numbers` room for all their elements.
    func decode(_ bytes: UnsafeRawBufferPointer, into numbers: UnsafeMutablePointer<Float>) {
        guard let start = bytes.baseAddress else { return }
        for index in 0..<(bytes.count / blockByteCount) {
            let block = Block(start: start + index * blockByteCount)
            let x = numbers + index * blockSize
            switch self {
            case .q4_1: block.readQ4_1(into: x)
            case .q5_0: block.readQ5_0(into: x)
            case .q5_1: block.readQ5_1(into: x)
            case .q8_1: block.readQ8_1(into: x)
            case .q2_K: block.readQ2_K(into: x)
            case .q3_K: block.readQ3_K(into: x)
            case .q5_K: block.readQ5_K(into: x)
            default: preconditionFailure("GGUFType.decode: \(self) is kept in its blocks")
            }
        }
    }
}

/// The bytes of one block.
private struct Block {
    let start: UnsafeRawPointer

    subscript(index: Int) -> UInt8 { start.load(fromByteOffset: index, as: UInt8.self) }

    func half(_ offset: Int) -> Float {
        halfToFloat(start.loadUnaligned(fromByteOffset: offset, as: UInt16.self).littleEndian)
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

    /// Two bits of element i, in two halves of 128 elements and four rows of 32 each.
    private func twoBits(_ i: Int, at offset: Int) -> UInt8 {
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
