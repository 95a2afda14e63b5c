/// `config.json` of diffusers' `UNet2DConditionModel` and `UNet3DConditionModel`; the names of
/// the blocks tell which.
///
/// Published: Stable Diffusion 1.x and 2.x, AudioLDM (class labels), ZeroScope (frames).
public struct UNetConfig: Codable, Equatable, Sendable {
    public var inChannels: Int
    public var outChannels: Int
    public var blockOutChannels: [Int]
    public var downBlockTypes: [String]
    public var upBlockTypes: [String]
    public var layersPerBlock: Int?
    public var crossAttentionDim: PerLevel?
    /// The *number* of heads in two dimensions, the *width* of one in three, as published.
    public var attentionHeadDim: PerLevel?
    /// The number of heads in two dimensions; wins over `attentionHeadDim`. AudioLDM's own code
    /// has heads of one width instead of one count: 4, 8, 12, 20 here give that.
    public var numAttentionHeads: PerLevel?
    public var normNumGroups: Int?
    public var normEps: Float?
    public var sampleSize: Int?
    public var downsamplePadding: Int?
    public var useLinearProjection: Bool?
    public var flipSinToCos: Bool?
    public var freqShift: Float?
    public var timeCondProjDim: Int?
    public var classEmbedType: String?
    public var classEmbeddingsConcat: Bool?
    public var projectionClassEmbeddingsInputDim: Int?

    // Read to be refused where they ask for another network.
    public var actFn: String?
    public var additionEmbedType: String?
    public var centerInputSample: Bool?
    public var convInKernel: Int?
    public var convOutKernel: Int?
    public var dualCrossAttention: Bool?
    public var encoderHidDim: Int?
    public var midBlockScaleFactor: Float?
    public var midBlockType: String?
    public var onlyCrossAttention: Bool?
    public var resnetTimeScaleShift: String?
    public var timeEmbeddingType: String?
    public var transformerLayersPerBlock: PerLevel?

    /// A network of these widths, everything else at its default.
    public init(
        inChannels: Int, outChannels: Int, blockOutChannels: [Int], downBlockTypes: [String],
        upBlockTypes: [String]
    ) {
        self.inChannels = inChannels
        self.outChannels = outChannels
        self.blockOutChannels = blockOutChannels
        self.downBlockTypes = downBlockTypes
        self.upBlockTypes = upBlockTypes
    }
}

/// A number for every level of a UNet, or one for each.
public enum PerLevel: Codable, Equatable, Sendable, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral
{
    case same(Int)
    case each([Int])

    public init(integerLiteral value: Int) { self = .same(value) }
    public init(arrayLiteral values: Int...) { self = .each(values) }

    public init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        self = try (try? value.decode(Int.self)).map(Self.same) ?? .each(value.decode([Int].self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .same(let value): try container.encode(value)
        case .each(let values): try container.encode(values)
        }
    }

    /// The number of a level, outermost first.
    public subscript(level: Int) -> Int {
        switch self {
        case .same(let value): value
        case .each(let values): values[level]
        }
    }

    fileprivate func check(_ key: String, levels: Int, in range: ClosedRange<Int>) throws {
        if case .each(let values) = self {
            try ConfigError.require("UNet", "\(key).count", values.count, in: [levels])
        }
        for level in 0..<levels {
            try ConfigError.require("UNet", key, self[level], in: range)
        }
    }
}

// MARK: - What the keys mean

extension UNetConfig {
    /// Whether frames of a clip are denoised together.
    public var isTemporal: Bool { downBlockTypes.contains { $0.hasSuffix("3D") } }

    /// Residual blocks of a level on the way down; one more on the way up.
    public var layers: Int { layersPerBlock ?? 2 }

    /// Width of the timestep embedding, class labels included.
    public var embeddingSize: Int { blockOutChannels[0] * (hasClassLabels ? 8 : 4) }

    /// Width of the text condition: `context [batch, tokens, contextSize]`; nil where the network
    /// has none.
    public var contextSize: Int? {
        hasClassLabels ? nil : (crossAttentionDim ?? (isTemporal ? 1024 : 1280))[0]
    }

    /// Width of the class labels: `[batch, classSize]`; nil where the network has none.
    public var classSize: Int? { hasClassLabels ? projectionClassEmbeddingsInputDim : nil }

    var hasClassLabels: Bool { classEmbedType != nil }
    var groups: Int { normNumGroups ?? 32 }
    var epsilon: Float { normEps ?? 1e-5 }
    var hasLinearProjections: Bool { isTemporal || useLinearProjection ?? false }
    var padsDownsamplersBothSides: Bool { (downsamplePadding ?? 1) == 1 }

    func heads(level: Int) -> Int {
        let perLevel = numAttentionHeads ?? attentionHeadDim
        return isTemporal
            ? blockOutChannels[level] / (attentionHeadDim ?? 64)[level] : (perLevel ?? 8)[level]
    }

    /// Heads of the transformer over frames before the first level; each as wide as all others.
    var firstHeads: (count: Int, width: Int) { (8, (attentionHeadDim ?? 64)[0]) }

    func attends(_ blockType: String) -> Bool { blockType.hasPrefix("CrossAttn") }

    /// Refuses what this network does not implement and sizes that cannot be.
    package func check() throws {
        let levels = blockOutChannels.count
        func require<Value: Equatable>(_ key: String, _ found: Value, _ expected: Value...) throws {
            try ConfigError.require("UNet", key, found, in: expected)
        }
        func refuse<Value>(_ key: String, _ found: Value?) throws {
            guard let found else { return }
            throw ConfigError.unsupported(
                config: "UNet", key: key, found: "\(found)", expected: "null")
        }
        try ConfigError.require("UNet", "block_out_channels.count", levels, in: 1...8)
        try require("down_block_types.count", downBlockTypes.count, levels)
        try require("up_block_types.count", upBlockTypes.count, levels)
        let suffix = isTemporal ? "3D" : "2D"
        for type in downBlockTypes {
            try require(
                "down_block_types", type, "DownBlock\(suffix)", "CrossAttnDownBlock\(suffix)")
        }
        for type in upBlockTypes {
            try require("up_block_types", type, "UpBlock\(suffix)", "CrossAttnUpBlock\(suffix)")
        }
        if isTemporal {
            try refuse("num_attention_heads", numAttentionHeads)
            try refuse("class_embed_type", classEmbedType)
        } else {
            try require(
                "mid_block_type", midBlockType ?? "UNetMidBlock2DCrossAttn",
                "UNetMidBlock2DCrossAttn")
        }
        try checkSizes(levels)
        if hasClassLabels {
            try require("class_embed_type", classEmbedType ?? "null", "simple_projection")
            try require("class_embeddings_concat", classEmbeddingsConcat ?? false, true)
        }
        try require("act_fn", actFn ?? "silu", "silu")
        try refuse("addition_embed_type", additionEmbedType)
        try require("center_input_sample", centerInputSample ?? false, false)
        try require("conv_in_kernel", convInKernel ?? 3, 3)
        try require("conv_out_kernel", convOutKernel ?? 3, 3)
        try require("downsample_padding", downsamplePadding ?? 1, 0, 1)
        try require("dual_cross_attention", dualCrossAttention ?? false, false)
        try refuse("encoder_hid_dim", encoderHidDim)
        try require("mid_block_scale_factor", midBlockScaleFactor ?? 1, 1)
        try require("only_cross_attention", onlyCrossAttention ?? false, false)
        try require("resnet_time_scale_shift", resnetTimeScaleShift ?? "default", "default")
        try require("time_embedding_type", timeEmbeddingType ?? "positional", "positional")
        for level in 0..<levels {
            try require(
                "transformer_layers_per_block", (transformerLayersPerBlock ?? 1)[level], 1)
        }
    }

    private func checkSizes(_ levels: Int) throws {
        let sizes = 1...65536
        func require(_ key: String, _ found: Int, _ range: ClosedRange<Int>) throws {
            try ConfigError.require("UNet", key, found, in: range)
        }
        try require("in_channels", inChannels, sizes)
        try require("out_channels", outChannels, sizes)
        try require("layers_per_block", layers, 1...64)
        try require("norm_num_groups", groups, sizes)
        if let timeCondProjDim { try require("time_cond_proj_dim", timeCondProjDim, sizes) }
        if hasClassLabels {
            try require(
                "projection_class_embeddings_input_dim", projectionClassEmbeddingsInputDim ?? 0,
                sizes)
        }
        try crossAttentionDim?.check("cross_attention_dim", levels: levels, in: sizes)
        if let contextSize, let crossAttentionDim {
            for level in 0..<levels {
                try ConfigError.require(
                    "UNet", "cross_attention_dim", crossAttentionDim[level], in: [contextSize])
            }
        }
        try attentionHeadDim?.check("attention_head_dim", levels: levels, in: sizes)
        try numAttentionHeads?.check("num_attention_heads", levels: levels, in: sizes)
        try transformerLayersPerBlock?.check(
            "transformer_layers_per_block", levels: levels, in: sizes)
        for (level, channels) in blockOutChannels.enumerated() {
            let key = "block_out_channels"
            try require(key, channels, sizes)
            try ConfigError.require("UNet", key, channels, multipleOf: groups)
            // The convolutions over frames always have 32 groups.
            if isTemporal { try ConfigError.require("UNet", key, channels, multipleOf: 32) }
            let heads = isTemporal ? (attentionHeadDim ?? 64)[level] : heads(level: level)
            try ConfigError.require("UNet", key, channels, multipleOf: heads)
        }
        try ConfigError.require("UNet", "block_out_channels", blockOutChannels[0], multipleOf: 2)
    }
}
