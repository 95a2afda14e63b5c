public import TensorCore

/// One operation at a size that matters: what `southgpt-bench ops` times on both sides.
///
/// Encoded as JSON it is what the peer's script is told to time.
public struct OperationCase: Codable, Equatable, Sendable {
    /// What is computed.
    public enum Kind: String, Codable, Sendable {
        /// `[m, k] · [k, n]`
        case product
        /// `[rows, inputs]` by `weight [outputs, inputs]`, and a bias
        case linear
        /// The same with the exact GELU after it.
        case linearGELU
        /// A square kernel: `batch, inputs, outputs, side, kernel, stride`; padded by half the
        /// kernel, but patches not at all.
        case convolution
        /// `batch, heads, time, size`; the causal one counts the whole square too.
        case attention, causalAttention
        /// `batch, channels, height, width`, 32 groups
        case groupNormSiLU
        /// `outer, rows, columns`
        case softmax
        /// `batch, rows, width of both halves`
        case geglu
        /// Layer normalisation of `rows, width`.
        case layerNorm
        /// `count` elements added to others.
        case add
        /// A step of AdamW of a small network, `batch` samples at a time.
        case transformerStep, unetStep
        /// The same of adapters on layers of LLaMA-7B: `tokens, layers`.
        case adapterStep
    }

    /// How the speed of a case is told.
    public enum Unit: String, Codable, Sendable {
        case gigaflops = "GFLOP/s"
        case gigabytes = "GB/s"
        case tokens = "tokens/s"
        case images = "images/s"
        case inputs = "a second"
    }

    /// The name, unique among the cases.
    public let name: String
    /// What is computed.
    public let kind: Kind
    /// The sizes, as `kind` says.
    public let sizes: [Int]
    /// The type that weights are stored in.
    public let weights: DType

    init(_ name: String, _ kind: Kind, _ sizes: [Int], weights: DType = .float32) {
        (self.name, self.kind, self.sizes, self.weights) = (name, kind, sizes, weights)
    }

    /// What the speed counts.
    public var unit: Unit {
        switch kind {
        case .linear where sizes[0] == 1: .gigabytes
        case .product, .linear, .linearGELU, .convolution, .attention, .causalAttention: .gigaflops
        case .groupNormSiLU, .softmax, .geglu, .layerNorm, .add: .gigabytes
        case .transformerStep, .adapterStep: .tokens
        case .unetStep: .images
        }
    }

    /// How much of the unit, times 10⁹ where that is in its name, one run does.
    public var work: Double {
        let n = sizes.map(Double.init)
        let product = n.reduce(1, *)
        return switch kind {
        case .linear where sizes[0] == 1: Double(weights.byteCount(of: sizes[1] * sizes[2])) / 1e9
        case .product, .linear, .linearGELU: 2 * product / 1e9
        case .convolution:
            2 * n[0] * n[1] * n[2] * n[4] * n[4] * (n[3] / n[5]) * (n[3] / n[5]) / 1e9
        case .attention, .causalAttention: 4 * product * n[2] / 1e9
        case .groupNormSiLU, .softmax, .layerNorm: 2 * 4 * product / 1e9
        case .geglu: 1.5 * 4 * product / 1e9
        case .add: 3 * 4 * product / 1e9
        case .transformerStep: n[0] * n[1]
        case .unetStep, .adapterStep: n[0]
        }
    }

    /// Every case, in the order of the table.
    public static let all: [OperationCase] =
        products + decoding + convolutions
        + [
            OperationCase("attention 2×8×4096×40", .attention, [2, 8, 4096, 40]),
            OperationCase("attention 32×512×128 causal", .causalAttention, [1, 32, 512, 128]),
            OperationCase("GroupNorm + SiLU 2×320×64²", .groupNormSiLU, [2, 320, 64, 64]),
            OperationCase("softmax 8×4096×1024", .softmax, [8, 4096, 1024]),
            OperationCase("GEGLU 2×4096×2560", .geglu, [2, 4096, 2560]),
            OperationCase("LayerNorm 4096×1280", .layerNorm, [4096, 1280]),
            OperationCase("add 2×320×64²", .add, [2 * 320 * 64 * 64]),
        ] + trainingSteps

    /// The cases that are whole training steps.
    public static let trainingSteps: [OperationCase] =
        [
            OperationCase("training step, transformer 6×384", .transformerStep, [16, 256]),
            OperationCase("training step, UNet 32²", .unetStep, [16]),
        ]
        + [DType.float32, .bfloat16, .q8_0].map {
            OperationCase(
                "training step, adapters on 2 layers of 7B \($0.rawValue)", .adapterStep,
                [256, 2], weights: $0)
        }

    private static let products: [OperationCase] =
        [OperationCase("GEMM 4096³", .product, [4096, 4096, 4096])]
        + [DType.float32, .bfloat16, .q8_0, .q4_0].map {
            OperationCase(
                "linear 512×4096→11008 \($0.rawValue)", .linear, [512, 4096, 11008], weights: $0)
        }
        + [
            OperationCase("linear 257×1280→5120 + GELU", .linearGELU, [257, 1280, 5120]),
            OperationCase("linear 8×4096→4096", .linear, [8, 4096, 4096]),
        ]

    private static let decoding: [OperationCase] = [4096, 11008].flatMap { outputs in
        [DType.float32, .bfloat16, .q8_0, .q4_0, .q4_K].map {
            OperationCase(
                "linear 1×4096→\(outputs) \($0.rawValue)", .linear, [1, 4096, outputs], weights: $0)
        }
    }

    /// Those of the decoders and, in patches, of the vision tower.
    private static let convolutions: [OperationCase] = [
        (2, 320, 320, 64, 3, 1), (2, 640, 640, 32, 3, 1), (2, 1280, 1280, 16, 3, 1),
        (1, 512, 512, 64, 3, 1), (1, 256, 256, 256, 3, 1), (1, 128, 128, 512, 3, 1),
        (2, 4, 320, 64, 3, 1), (2, 320, 4, 64, 3, 1), (2, 320, 320, 64, 3, 2),
        (2, 320, 320, 64, 1, 1), (2, 1280, 1280, 16, 1, 1), (1, 3, 1280, 224, 14, 14),
    ].map { batch, inputs, outputs, side, kernel, stride in
        let channels = inputs == outputs ? "\(inputs)" : "\(inputs)→\(outputs)"
        let step = stride == 1 ? "" : "/\(stride)"
        return OperationCase(
            "conv \(kernel)×\(kernel)\(step) \(batch)×\(channels)×\(side)²", .convolution,
            [batch, inputs, outputs, side, kernel, stride])
    }
}
