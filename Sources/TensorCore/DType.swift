/// What one element of a tensor is, in memory and in files.
///
/// Arithmetic happens in `float32`; the other floating types are for storage, the integers for
/// indices and masks. The last four come in blocks of elements that share scales, laid out as in
/// GGUF: weights of linear maps and embeddings, which the kernels decode as they read them.
///
/// ### Casting
/// As PyTorch does. To a narrower float: to nearest, ties to even, infinity beyond the range, NaN
/// stays NaN. To an integer: truncated towards zero, from an integer to a narrower one wrapped.
/// What PyTorch leaves to the processor is fixed here: a real number goes to a narrow integer by
/// way of `int64`, and what that cannot hold, NaN included, becomes `Int64.min`, so 0 in the narrow
/// ones. To `bool`: `x ≠ 0`, true for NaN. Blocks are cast to other types element by element;
/// `Tensor.quantized(to:)` makes them.
public enum DType: String, Sendable, CaseIterable, Codable {
    case float32, float16, bfloat16, float64
    case int64, int32, int16, int8, uint8, bool
    /// 32 integers of 8 bits and a scale.
    case q8_0
    /// 32 integers of 4 bits and a scale.
    case q4_0
    /// 256 integers of 4 bits; each 32 have a scale and a least value of 6 bits.
    case q4_K
    /// 256 integers of 6 bits; each 16 have a scale of 8 bits.
    case q6_K

    /// Elements that share scales, adjacent on the last axis; 1 where each stands alone.
    public var blockSize: Int {
        switch self {
        case .q8_0, .q4_0: 32
        case .q4_K, .q6_K: 256
        default: 1
        }
    }

    /// Bytes of a block, or of an element that stands alone.
    public var blockByteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16, .int16: 2
        case .int8, .uint8, .bool: 1
        case .q8_0: 34
        case .q4_0: 18
        case .q4_K: 144
        case .q6_K: 210
        }
    }

    /// Whether elements come in blocks.
    public var isBlocked: Bool { blockSize > 1 }

    /// Bytes of one element, which must not be part of a block.
    public var byteCount: Int {
        precondition(!isBlocked, "DType.byteCount: an element of \(self) is part of a block")
        return blockByteCount
    }

    /// Bytes of so many elements: whole blocks.
    public func byteCount(of elements: Int) -> Int {
        precondition(
            elements % blockSize == 0,
            "DType.byteCount: \(elements) elements of \(self) are no whole blocks")
        return elements / blockSize * blockByteCount
    }

    /// Whether the type holds real numbers.
    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float16, .bfloat16, .float64: true
        default: isBlocked
        }
    }
}
