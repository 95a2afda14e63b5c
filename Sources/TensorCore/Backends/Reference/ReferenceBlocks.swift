// Weights in blocks, as their formulas say.

extension ReferenceBackend {
    /// A dense tensor in blocks as `float32`.
    func decoded(_ x: Tensor) -> Tensor {
        var results: [Float] = []
        x.withHostBytes { bytes in
            let size = x.dtype.blockByteCount
            for start in stride(from: 0, to: bytes.count, by: size) {
                let block = Array(bytes[start..<(start + size)])
                switch x.dtype {
                case .q8_0: results += numbersOfQ8(block)
                case .q4_0: results += numbersOfQ4(block)
                case .q4_K: results += numbersOfQ4K(block)
                default: results += numbersOfQ6K(block)
                }
            }
        }
        return tensor(results, x.shape)
    }

    private func half(_ block: [UInt8], _ at: Int) -> Float {
        halfToFloat(UInt16(block[at]) | UInt16(block[at + 1]) << 8)
    }

    /// A half-precision scale, then 32 signed bytes.
    private func numbersOfQ8(_ block: [UInt8]) -> [Float] {
        let scale = half(block, 0)
        return block[2...].map { scale * Float(Int8(bitPattern: $0)) }
    }

    /// A half-precision scale, then 16 bytes: their low halves, then their high halves, less 8.
    private func numbersOfQ4(_ block: [UInt8]) -> [Float] {
        let scale = half(block, 0)
        let (low, high) = (block[2...].map { $0 & 15 }, block[2...].map { $0 >> 4 })
        return (low + high).map { scale * (Float($0) - 8) }
    }

    /// Two half-precision numbers that scale what twelve bytes hold: eight scales and eight least
    /// values of six bits; then 128 bytes, each 32 of them the low and the high halves of 64
    /// elements.
    private func numbersOfQ4K(_ block: [UInt8]) -> [Float] {
        let (scale, least, packed) = (half(block, 0), half(block, 2), Array(block[4..<16]))
        return (0..<256).map { element in
            let group = element / 32
            let (six, under) =
                group < 4
                ? (packed[group] & 63, packed[group + 4] & 63)
                : (
                    packed[group + 4] & 15 | packed[group - 4] >> 2 & 48,
                    packed[group + 4] >> 4 | packed[group] >> 2 & 48
                )
            let byte = block[16 + group / 2 * 32 + element % 32]
            let integer = group.isMultiple(of: 2) ? byte & 15 : byte >> 4
            return scale * Float(six) * Float(integer) - least * Float(under)
        }
    }

    /// Low four bits in 128 bytes, high two in 64, 16 signed scales, and a half-precision number
    /// that scales those; two halves of 128 elements, in four rows of 32.
    private func numbersOfQ6K(_ block: [UInt8]) -> [Float] {
        let scale = half(block, 208)
        return (0..<256).map { element in
            let (part, row, column) = (element / 128, element % 128 / 32, element % 32)
            let byte = block[part * 64 + row % 2 * 32 + column]
            let low = row < 2 ? byte & 15 : byte >> 4
            let high = block[128 + part * 32 + column] >> (2 * row) & 3
            let factor = scale * Float(Int8(bitPattern: block[192 + element / 16]))
            return factor * (Float(low | high << 4) - 32)
        }
    }
}
