// The autoencoder between pixels (or mel spectrograms) and the latents that a UNet denoises.
// Papers: Rombach et al. 2022, arXiv:2112.10752; Kingma and Welling 2014, arXiv:1312.6114.
// Reference: diffusers, autoencoder_kl.py.
// Checkpoint: diffusers folders, with the attention names of old and new releases.

public import TensorCore

/// The image autoencoder of latent diffusion.
public struct AutoencoderKL: Sendable {
    /// What it was built from.
    public let config: AutoencoderKLConfig
    let encoder: AutoencoderEncoder
    let quantConv: Convolution
    let postQuantConv: Convolution
    let decoder: AutoencoderDecoder

    /// Reads or draws the weights.
    ///
    /// - Throws: `ConfigError` for a network that is not this one, `CheckpointError` where the
    ///   file disagrees with the configuration
    public init(_ config: AutoencoderKLConfig, from weights: Weights) throws {
        try config.check()
        self.config = config
        let (latent, moments) = (config.latentChannels, 2 * config.latentChannels)
        encoder = try AutoencoderEncoder(config, from: weights["encoder"])
        decoder = try AutoencoderDecoder(config, from: weights["decoder"])
        quantConv = try Convolution(
            moments, moments, kernel: [1, 1], from: weights["quant_conv"])
        postQuantConv = try Convolution(
            latent, latent, kernel: [1, 1], from: weights["post_quant_conv"])
    }

    /// Where the latents of pictures lie, before `latentScale`. One picture at a time unless told
    /// otherwise, so that memory does not grow with the batch; small ones are faster together.
    ///
    /// - Shapes: `[batch, channels, height, width]` in [−1, 1] → `[batch, latentChannels, ⌊height
    ///   / pixelsPerLatent⌋, ⌊width / pixelsPerLatent⌋]`
    public func encode(_ images: Tensor, together: Bool = false) -> LatentDistribution {
        encode(images, together: together, onLayer: {})
    }

    /// `encode`, and a look at the world before every layer: a large picture may take a minute.
    ///
    /// - Parameter onLayer: what it throws ends the work
    public func encode(
        _ images: Tensor, together: Bool = false, onLayer: () throws -> Void
    ) rethrows -> LatentDistribution {
        let moments = try images.mapSamples(together) { quantConv(try encoder($0, onLayer)) }
            .split(2, axis: 1)
        return LatentDistribution(
            mean: moments[0], logVariance: moments[1].clamped(to: -30...20))
    }

    /// Pictures from latents that were divided by `latentScale`. One at a time unless told
    /// otherwise, so that memory does not grow with the batch.
    ///
    /// - Shapes: `[batch, latentChannels, height, width]` → `[batch, channels, height ·
    ///   pixelsPerLatent, width · pixelsPerLatent]`, around [−1, 1], not clamped
    public func decode(_ latents: Tensor, together: Bool = false) -> Tensor {
        decode(latents, together: together, onLayer: {})
    }

    /// `decode`, and a look at the world before every layer: a large picture may take minutes.
    ///
    /// - Parameter onLayer: what it throws ends the work
    public func decode(
        _ latents: Tensor, together: Bool = false, onLayer: () throws -> Void
    ) rethrows -> Tensor {
        try latents.mapSamples(together) { try decoder(postQuantConv($0), onLayer) }
    }
}

/// A normal distribution for every latent.
public struct LatentDistribution: Sendable {
    /// The most probable latents.
    public let mean: Tensor
    /// The logarithms of the variances, within [−30, 20].
    public let logVariance: Tensor

    package init(mean: Tensor, logVariance: Tensor) {
        self.mean = mean
        self.logVariance = logVariance
    }

    /// Latents drawn with standard normal `noise` of their shape.
    public func sample(_ noise: Tensor) -> Tensor { mean + (logVariance * 0.5).exp() * noise }

    /// The divergence from the standard normal, by sample: `[batch]`.
    public func divergence() -> Tensor {
        let terms = mean.squared() + logVariance.exp() - logVariance - 1
        return terms.sum([1, 2, 3]) * 0.5
    }
}

// MARK: - The two halves

/// Pixels to the moments of latents.
///
/// - Checkpoint: `conv_in down_blocks mid_block conv_norm_out conv_out`
struct AutoencoderEncoder: Sendable {
    let convIn: Convolution
    let levels: [(resnets: [ResnetBlock], downsample: Downsample?)]
    let middle: AutoencoderMiddle
    let normOut: GroupNorm
    let convOut: Convolution

    init(_ config: AutoencoderKLConfig, from weights: Weights) throws {
        let (widths, deepest) = (config.blockOutChannels, config.decoderChannels[0])
        convIn = try Convolution(
            config.inChannels, widths[0], kernel: [3, 3], padding: [1, 1],
            from: weights["conv_in"])
        levels = try widths.indices.map { level in
            let block = weights["down_blocks"][level]
            let resnets = try (0..<config.layers).map { index in
                try ResnetBlock(
                    index == 0 ? widths[max(level - 1, 0)] : widths[level], widths[level],
                    groups: config.groups, epsilon: 1e-6, from: block["resnets"][index])
            }
            let downsample =
                level == widths.count - 1
                ? nil
                : try Downsample(
                    widths[level], padsBothSides: false, from: block["downsamplers"][0])
            return (resnets, downsample)
        }
        middle = try AutoencoderMiddle(
            deepest, groups: config.groups, from: weights["mid_block"])
        normOut = try GroupNorm(
            config.groups, deepest, epsilon: 1e-6, from: weights["conv_norm_out"])
        convOut = try Convolution(
            deepest, 2 * config.latentChannels, kernel: [3, 3], padding: [1, 1],
            from: weights["conv_out"])
    }

    func callAsFunction(_ image: Tensor, _ onLayer: () throws -> Void) rethrows -> Tensor {
        try onLayer()
        var x = convIn(image)
        for level in levels {
            for resnet in level.resnets {
                try onLayer()
                x = resnet(x)
            }
            if let downsample = level.downsample {
                try onLayer()
                x = downsample(x)
            }
        }
        return convOut(normOut(try middle(x, onLayer), activation: .silu))
    }
}

/// Latents to pixels.
///
/// - Checkpoint: `conv_in mid_block up_blocks conv_norm_out conv_out`
struct AutoencoderDecoder: Sendable {
    let convIn: Convolution
    let middle: AutoencoderMiddle
    let levels: [(resnets: [ResnetBlock], upsample: Upsample?)]
    let normOut: GroupNorm
    let convOut: Convolution

    init(_ config: AutoencoderKLConfig, from weights: Weights) throws {
        let (widths, shallowest) = (config.decoderChannels, config.blockOutChannels[0])
        convIn = try Convolution(
            config.latentChannels, widths[0], kernel: [3, 3], padding: [1, 1],
            from: weights["conv_in"])
        middle = try AutoencoderMiddle(
            widths[0], groups: config.groups, from: weights["mid_block"])
        levels = try widths.indices.map { level in
            let block = weights["up_blocks"][level]
            let resnets = try (0...config.layers).map { index in
                try ResnetBlock(
                    index == 0 ? widths[max(level - 1, 0)] : widths[level], widths[level],
                    groups: config.groups, epsilon: 1e-6, from: block["resnets"][index])
            }
            let upsample =
                level == widths.count - 1
                ? nil : try Upsample(widths[level], from: block["upsamplers"][0])
            return (resnets, upsample)
        }
        normOut = try GroupNorm(
            config.groups, shallowest, epsilon: 1e-6, from: weights["conv_norm_out"])
        convOut = try Convolution(
            shallowest, config.outChannels, kernel: [3, 3], padding: [1, 1],
            from: weights["conv_out"])
    }

    func callAsFunction(_ latents: Tensor, _ onLayer: () throws -> Void) rethrows -> Tensor {
        var x = try middle(convIn(latents), onLayer)
        for level in levels {
            for resnet in level.resnets {
                try onLayer()
                x = resnet(x)
            }
            if let upsample = level.upsample {
                try onLayer()
                x = upsample(x)
            }
        }
        try onLayer()
        return convOut(normOut(x, activation: .silu))
    }
}

/// The deepest level of either half: attention over all pixels between two residual blocks.
///
/// - Checkpoint: `resnets.0 attentions.0 resnets.1`
struct AutoencoderMiddle: Sendable {
    let before: ResnetBlock
    let attention: PixelAttention
    let after: ResnetBlock

    init(_ channels: Int, groups: Int, from weights: Weights) throws {
        func resnet(_ index: Int) throws -> ResnetBlock {
            try ResnetBlock(
                channels, channels, groups: groups, epsilon: 1e-6,
                from: weights["resnets"][index])
        }
        before = try resnet(0)
        attention = try PixelAttention(channels, groups: groups, from: weights["attentions"][0])
        after = try resnet(1)
    }

    func callAsFunction(_ x: Tensor, _ onLayer: () throws -> Void) rethrows -> Tensor {
        try onLayer()
        let attended = attention(before(x))
        try onLayer()
        return after(attended)
    }
}

/// Self-attention over pixels, with one head as wide as the channels in autoencoders.
///
/// - Shapes: `[batch, channels, height, width]` → the same
/// - Checkpoint: `group_norm to_q to_k to_v to_out.0`; `query key value proj_attn` in Stable
///   Diffusion's published file
package struct PixelAttention: Sendable {
    let heads: Int
    let norm: GroupNorm
    let query: PixelMap
    let key: PixelMap
    let value: PixelMap
    let output: PixelMap

    package init(
        _ channels: Int, heads: Int = 1, groups: Int, epsilon: Float = 1e-6, from weights: Weights
    ) throws {
        self.heads = heads
        func map(_ view: Weights) throws -> PixelMap {
            try PixelMap(channels, channels, linear: true, from: view)
        }
        norm = try GroupNorm(groups, channels, epsilon: epsilon, from: weights["group_norm"])
        query = try map(weights.firstPresent("to_q", "query"))
        key = try map(weights.firstPresent("to_k", "key"))
        value = try map(weights.firstPresent("to_v", "value"))
        output = try map(weights.firstPresent("to_out.0", "proj_attn"))
    }

    package func callAsFunction(_ x: Tensor) -> Tensor {
        let pixels = norm(x).flattened(2...3).transposed().dense()
        let attended = attention(
            query(pixels).splitHeads(heads), key(pixels).splitHeads(heads),
            value(pixels).splitHeads(heads))
        return x + output(attended).transposed().reshaped(x.shape)
    }
}

extension Tensor {
    /// `body` of each index of the first axis alone, put together again, or of all at once.
    fileprivate func mapSamples(
        _ together: Bool, _ body: (Tensor) throws -> Tensor
    ) rethrows -> Tensor {
        if together { return try body(self) }
        return Tensor.concatenate(
            try (0..<shape[0]).map { try body(self[$0..<($0 + 1)]) }, axis: 0)
    }
}
