// The element types of GGUF files.
// Source: ggml `docs/gguf.md` and `ggml-common.h`.

/// An element type of a GGUF file.
package enum GGUFType: UInt32, CaseIterable, Sendable {
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
    case q8_K = 15
    case iq2_XXS = 16
    case iq2_XS = 17
    case iq3_XXS = 18
    case iq1_S = 19
    case iq4_NL = 20
    case iq3_S = 21
    case iq2_S = 22
    case iq4_XS = 23
    case i8 = 24
    case i16 = 25
    case i32 = 26
    case i64 = 27
    case f64 = 28
    case iq1_M = 29
    case bf16 = 30
    case tq1_0 = 34
    case tq2_0 = 35
    case mxfp4 = 39
    case nvfp4 = 40

    /// The type that a tensor of these elements has as it lies in the file; nil for blocks that are
    /// read out into `float32` when they are loaded.
    package var dtype: DType? {
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
        default: nil
        }
    }

    /// The type under which elements of `dtype` are written; nil where the format has none.
    init?(_ dtype: DType) {
        guard let type = GGUFType.allCases.first(where: { $0.dtype == dtype }) else { return nil }
        self = type
    }

    /// Elements that share scales.
    var blockSize: Int { dtype?.blockSize ?? layout.elements }

    /// Bytes of a block, or of an element that stands alone.
    var blockByteCount: Int { dtype?.blockByteCount ?? layout.bytes }

    /// The blocks that no `DType` keeps.
    private var layout: (elements: Int, bytes: Int) {
        switch self {
        case .mxfp4: (32, 17)
        case .iq4_NL: (32, 18)
        case .q4_1: (32, 20)
        case .q5_0: (32, 22)
        case .q5_1: (32, 24)
        case .q8_1: (32, 36)
        case .nvfp4: (64, 36)
        case .iq1_S: (256, 50)
        case .tq1_0: (256, 54)
        case .iq1_M: (256, 56)
        case .iq2_XXS, .tq2_0: (256, 66)
        case .iq2_XS: (256, 74)
        case .iq2_S: (256, 82)
        case .q2_K: (256, 84)
        case .iq3_XXS: (256, 98)
        case .q3_K, .iq3_S: (256, 110)
        case .iq4_XS: (256, 136)
        case .q5_K: (256, 176)
        case .q8_K: (256, 292)
        default: preconditionFailure("GGUFType.layout: \(self) is kept as it lies")
        }
    }

    /// What a number that is none of these stands for, for messages.
    static func name(of number: UInt32) -> String {
        let known: [UInt32: String] = [
            4: "Q4_2, retired", 5: "Q4_3, retired", 31: "Q4_0_4_4, retired",
            32: "Q4_0_4_8, retired", 33: "Q4_0_8_8, retired", 36: "IQ4_NL_4_4, retired",
            37: "IQ4_NL_4_8, retired", 38: "IQ4_NL_8_8, retired", 41: "Q1_0",
        ]
        return known[number] ?? "number \(number)"
    }
}
