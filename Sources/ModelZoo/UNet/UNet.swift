// The UNet that predicts the noise of a latent, for pictures, sound and clips.
// Papers: Rombach et al. 2022, arXiv:2112.10752 (latent diffusion); Liu et al. 2023,
// arXiv:2301.12503 (AudioLDM); Wang et al. 2023, arXiv:2308.06571 (ModelScope, under ZeroScope).
// Reference: diffusers, unet_2d_condition.py and unet_3d_condition.py.
// Checkpoint: diffusers folders, names as published.

public import TensorCore

/// Predicts what the scheduler asks of a noisy latent: the noise, or the velocity.
///
/// Frames are folded into the batch; only the temporal layers, which a network without frames
/// does not have, look across them.
public struct UNet: Sendable {
    /// What it was built from.
    public let config: UNetConfig
    let timeEmbedding: TimestepEmbedding
    let classEmbedding: Linear?
    let convIn: Convolution
    let transformerIn: TemporalTransformer?
    let downBlocks: [UNetDownBlock]
    let midLayers: [UNetLayer]
    let upBlocks: [UNetUpBlock]
    let normOut: GroupNorm
    let convOut: Convolution

    /// Reads or draws the weights.
    ///
    /// - Throws: `ConfigError` for a network that is not this one, `CheckpointError` where the
    ///   file disagrees with the configuration
    public init(_ config: UNetConfig, from weights: Weights) throws {
        try config.check()
        self.config = config
        let widths = config.blockOutChannels
        let (first, last) = (widths[0], widths.count - 1)

        convIn = try Convolution(
            config.inChannels, first, kernel: [3, 3], padding: [1, 1], from: weights["conv_in"])
        timeEmbedding = try TimestepEmbedding(config, from: weights["time_embedding"])
        classEmbedding = try config.classSize.map {
            try Linear($0, 4 * first, from: weights["class_embedding"])
        }
        transformerIn =
            config.isTemporal
            ? try TemporalTransformer(
                first, heads: config.firstHeads.count, headSize: config.firstHeads.width,
                groups: config.groups, from: weights["transformer_in"]) : nil

        downBlocks = try widths.indices.map { level in
            try UNetDownBlock(
                config, level: level, inputs: widths[max(level - 1, 0)],
                from: weights["down_blocks"][level])
        }
        midLayers = try (0..<2).map { index in
            try UNetLayer(
                config, level: last, inputs: widths[last], attends: index == 0, index,
                from: weights["mid_block"])
        }
        upBlocks = try widths.indices.map { step in
            try UNetUpBlock(
                config, level: last - step, inputs: widths[min(last, last - step + 1)],
                type: config.upBlockTypes[step], from: weights["up_blocks"][step])
        }
        normOut = try GroupNorm(
            config.groups, first, epsilon: config.epsilon, from: weights["conv_norm_out"])
        convOut = try Convolution(
            first, config.outChannels, kernel: [3, 3], padding: [1, 1], from: weights["conv_out"])
    }

    /// The prediction for a noisy latent.
    ///
    /// - Shapes: `sample [batch, channels, height, width]`, or of a clip `[batch, channels,
    ///   frames, height, width]` → the same; `context [batch, tokens, contextSize]`,
    ///   `classLabels [batch, classSize]`, `timeCondition [batch or 1, timeCondProjDim]`. Any
    ///   height and width
    /// - Parameters:
    ///   - timestep: where on the training schedule, 0 to 999; fractions are legal
    ///   - context: the text; without it cross-attention attends to the latent itself (AudioLDM)
    ///   - classLabels: the sound's embedding (AudioLDM)
    ///   - timeCondition: the guidance embedding of distilled networks (LCM)
    public func callAsFunction(
        _ sample: Tensor, timestep: Float, context: Tensor? = nil, classLabels: Tensor? = nil,
        timeCondition: Tensor? = nil
    ) -> Tensor {
        self(
            sample, timesteps: [timestep], context: context, classLabels: classLabels,
            timeCondition: timeCondition)
    }

    /// The predictions for latents that each stand somewhere else on the schedule, as in training.
    ///
    /// - Parameter timesteps: one for each of the batch, or one for all
    public func callAsFunction(
        _ sample: Tensor, timesteps: [Float], context: Tensor? = nil,
        classLabels: Tensor? = nil, timeCondition: Tensor? = nil
    ) -> Tensor {
        self(
            sample, timesteps: timesteps, context: context, classLabels: classLabels,
            timeCondition: timeCondition, onLayer: {})
    }

    /// The predictions, and a look at the world before every layer: one evaluation may take minutes.
    ///
    /// - Parameter onLayer: what it throws ends the evaluation
    public func callAsFunction(
        _ sample: Tensor, timesteps: [Float], context: Tensor? = nil,
        classLabels: Tensor? = nil, timeCondition: Tensor? = nil, onLayer: () throws -> Void
    ) rethrows -> Tensor {
        checkShapes(sample, context, classLabels)
        precondition(
            [1, sample.shape[0]].contains(timesteps.count),
            "UNet: \(timesteps.count) timesteps for \(sample.shape[0]) latents")
        let frames = config.isTemporal ? sample.shape[2] : 1
        let rows = embedding(timesteps, classLabels, timeCondition, like: sample)
        let condition = UNetCondition(
            embedding: rows.shape[0] > 1 && frames > 1 ? rows.repeated(frames, axis: 0) : rows,
            context: context, frames: frames)

        var x = convIn(config.isTemporal ? sample.transposed(1, 2).flattened(0...1) : sample)
        if let transformerIn { x = transformerIn(x, frames: condition.frames) }
        var skips = [x]
        for block in downBlocks { x = try block(x, condition, pushing: &skips, onLayer) }
        for layer in midLayers {
            try onLayer()
            x = layer(x, condition)
        }
        for block in upBlocks { x = try block(x, condition, popping: &skips, onLayer) }
        x = convOut(normOut(x, activation: .silu))

        if !config.isTemporal { return x }
        return x.reshaped([sample.shape[0], condition.frames] + x.shape.dropFirst())
            .transposed(1, 2).dense()
    }

    /// What every residual block adds, after its SiLU: `[batch or 1, embeddingSize]`.
    private func embedding(
        _ timesteps: [Float], _ classLabels: Tensor?, _ timeCondition: Tensor?,
        like sample: Tensor
    ) -> Tensor {
        let time = timeEmbedding(timesteps, condition: timeCondition, device: sample.device)
        guard let classEmbedding, let classLabels else { return time.silu() }
        let label = classEmbedding(classLabels)
        return Tensor.concatenate([time.broadcast(to: label.shape), label], axis: 1).silu()
    }

    private func checkShapes(_ sample: Tensor, _ context: Tensor?, _ classLabels: Tensor?) {
        let batch = sample.shape[0]
        precondition(
            sample.rank == (config.isTemporal ? 5 : 4) && sample.shape[1] == config.inChannels,
            "UNet: sample \(sample.shape) for \(config.inChannels) channels")
        precondition(
            (config.contextSize == nil) == (context == nil)
                && context.map { [$0.shape[0], $0.shape[2]] == [batch, config.contextSize] }
                    ?? true,
            "UNet: context \(context?.shape ?? []) for \(batch) of width \(config.contextSize ?? 0)"
        )
        precondition(
            classLabels?.shape == config.classSize.map { [batch, $0] },
            "UNet: class labels \(classLabels?.shape ?? []) for \(batch) of \(config.classSize ?? 0)"
        )
    }
}

/// What all layers of one evaluation see beside the latent.
struct UNetCondition {
    /// `[batch · frames or 1, embeddingSize]`, activated.
    let embedding: Tensor
    /// `[batch, tokens, contextSize]`
    let context: Tensor?
    /// Frames of a clip, folded into the batch.
    let frames: Int
}

// MARK: - Levels

/// One level on the way down: layers, each of whose results a skip keeps, then half the size.
struct UNetDownBlock: Sendable {
    let layers: [UNetLayer]
    let downsample: Downsample?

    init(_ config: UNetConfig, level: Int, inputs: Int, from weights: Weights) throws {
        let width = config.blockOutChannels[level]
        layers = try (0..<config.layers).map { index in
            try UNetLayer(
                config, level: level, inputs: index == 0 ? inputs : width,
                attends: config.attends(config.downBlockTypes[level]), index, from: weights)
        }
        let isLast = level == config.blockOutChannels.count - 1
        downsample =
            isLast
            ? nil
            : try Downsample(
                width, padsBothSides: config.padsDownsamplersBothSides,
                from: weights["downsamplers"][0])
    }

    func callAsFunction(
        _ x: Tensor, _ condition: UNetCondition, pushing skips: inout [Tensor],
        _ onLayer: () throws -> Void
    ) rethrows -> Tensor {
        var x = x
        for layer in layers {
            try onLayer()
            x = layer(x, condition)
            skips.append(x)
        }
        guard let downsample else { return x }
        x = downsample(x)
        skips.append(x)
        return x
    }
}

/// One level on the way up: layers, each fed with a skip of the way down, then twice the size.
struct UNetUpBlock: Sendable {
    let layers: [UNetLayer]
    let upsample: Upsample?

    init(
        _ config: UNetConfig, level: Int, inputs: Int, type: String, from weights: Weights
    ) throws {
        let widths = config.blockOutChannels
        layers = try (0...config.layers).map { index in
            // The last skip of a level is what the next shallower one handed down.
            let skip = index == config.layers ? widths[max(level - 1, 0)] : widths[level]
            return try UNetLayer(
                config, level: level, inputs: (index == 0 ? inputs : widths[level]) + skip,
                attends: config.attends(type), index, from: weights)
        }
        upsample =
            level == 0 ? nil : try Upsample(widths[level], from: weights["upsamplers"][0])
    }

    func callAsFunction(
        _ x: Tensor, _ condition: UNetCondition, popping skips: inout [Tensor],
        _ onLayer: () throws -> Void
    ) rethrows -> Tensor {
        var x = x
        for layer in layers {
            try onLayer()
            x = layer(Tensor.concatenate([x, skips.removeLast()], axis: 1), condition)
        }
        guard let upsample, let next = skips.last else { return x }
        // Odd sizes were rounded up on the way down: the next skip knows what they were.
        return upsample(x, to: Array(next.shape.suffix(2)))
    }
}

/// A residual block and, where its level attends, a transformer over the pixels; in a network of
/// clips each is followed by its counterpart over the frames.
struct UNetLayer: Sendable {
    let resnet: ResnetBlock
    let temporalConvolution: TemporalConvolution?
    let attention: SpatialTransformer?
    let temporalAttention: TemporalTransformer?

    init(
        _ config: UNetConfig, level: Int, inputs: Int, attends: Bool, _ index: Int,
        from block: Weights
    ) throws {
        let (width, heads) = (config.blockOutChannels[level], config.heads(level: level))
        resnet = try ResnetBlock(
            inputs, width, embedding: config.embeddingSize, groups: config.groups,
            epsilon: config.epsilon, from: block["resnets"][index])
        temporalConvolution =
            config.isTemporal
            ? try TemporalConvolution(width, from: block["temp_convs"][index]) : nil
        attention =
            attends
            ? try SpatialTransformer(
                width, heads: heads, context: config.contextSize,
                groups: config.groups, linear: config.hasLinearProjections,
                from: block["attentions"][index]) : nil
        temporalAttention =
            attends && config.isTemporal
            ? try TemporalTransformer(
                width, heads: heads, headSize: width / heads, groups: config.groups,
                from: block["temp_attentions"][index]) : nil
    }

    func callAsFunction(_ x: Tensor, _ condition: UNetCondition) -> Tensor {
        var x = resnet(x, embedding: condition.embedding)
        if let temporalConvolution { x = temporalConvolution(x, frames: condition.frames) }
        if let attention { x = attention(x, context: condition.context) }
        if let temporalAttention { x = temporalAttention(x, frames: condition.frames) }
        return x
    }
}
