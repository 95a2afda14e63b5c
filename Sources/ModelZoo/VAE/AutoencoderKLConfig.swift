/// `config.json` of diffusers' `AutoencoderKL`.
public struct AutoencoderKLConfig: Codable, Equatable, Sendable {
    public var inChannels: Int
    public var outChannels: Int
    public var latentChannels: Int
    public var blockOutChannels: [Int]
    public var layersPerBlock: Int?
    public var normNumGroups: Int?
    public var sampleSize: Int?
    public var scalingFactor: Float?

    // Read to be refused where they ask for another network.
    public var actFn: String?
    public var downBlockTypes: [String]?
    public var upBlockTypes: [String]?
    public var midBlockAddAttention: Bool?
    public var shiftFactor: Float?
    public var useQuantConv: Bool?
    public var usePostQuantConv: Bool?

    /// A network of these widths, everything else at its default.
    public init(channels: Int, latentChannels: Int, blockOutChannels: [Int]) {
        inChannels = channels
        outChannels = channels
        self.latentChannels = latentChannels
        self.blockOutChannels = blockOutChannels
    }

    /// What encoded latents are multiplied by before a UNet sees them, and divided by after.
    /// AudioLDM's was learned: always its file's.
    public var latentScale: Float { scalingFactor ?? 0.18215 }
    /// Pixels of one latent, along each axis.
    public var pixelsPerLatent: Int { 1 << (blockOutChannels.count - 1) }
    /// Residual blocks of a level of the encoder; one more in the decoder.
    public var layers: Int { layersPerBlock ?? 1 }

    var groups: Int { normNumGroups ?? 32 }
    /// Widths from the deepest level outwards.
    var decoderChannels: [Int] { blockOutChannels.reversed() }

    /// With the kind of every level named. Where a file leaves them out, diffusers takes one level for all
    /// there is.
    package var namingLevels: Self {
        var config = self
        config.downBlockTypes = blockOutChannels.map { _ in "DownEncoderBlock2D" }
        config.upBlockTypes = blockOutChannels.map { _ in "UpDecoderBlock2D" }
        return config
    }

    /// Refuses what this network does not implement and sizes that cannot be.
    package func check() throws {
        func require<Value: Equatable>(_ key: String, _ found: Value, _ expected: Value) throws {
            try ConfigError.require("VAE", key, found, in: [expected])
        }
        let (levels, sizes) = (blockOutChannels.count, 1...65536)
        try ConfigError.require("VAE", "block_out_channels.count", levels, in: 1...8)
        try ConfigError.require("VAE", "in_channels", inChannels, in: sizes)
        try ConfigError.require("VAE", "out_channels", outChannels, in: sizes)
        try ConfigError.require("VAE", "latent_channels", latentChannels, in: sizes)
        try ConfigError.require("VAE", "layers_per_block", layers, in: 1...64)
        try ConfigError.require("VAE", "norm_num_groups", groups, in: sizes)
        try ConfigError.require("VAE", "sample_size", sampleSize ?? 1, in: sizes)
        for channels in blockOutChannels {
            try ConfigError.require("VAE", "block_out_channels", channels, in: sizes)
            try ConfigError.require("VAE", "block_out_channels", channels, multipleOf: groups)
        }
        for type in downBlockTypes ?? [] {
            try require("down_block_types", type, "DownEncoderBlock2D")
        }
        for type in upBlockTypes ?? [] {
            try require("up_block_types", type, "UpDecoderBlock2D")
        }
        try require("act_fn", actFn ?? "silu", "silu")
        try require("mid_block_add_attention", midBlockAddAttention ?? true, true)
        try require("shift_factor", shiftFactor ?? 0, 0)
        try require("use_quant_conv", useQuantConv ?? true, true)
        try require("use_post_quant_conv", usePostQuantConv ?? true, true)
    }
}
