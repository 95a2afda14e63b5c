// ImageBind, one embedding space for images, video and sound.
// Paper: Girdhar et al. 2023, arXiv:2305.05665. Reference: facebookresearch/ImageBind 53680b0.
// Checkpoint: imagebind_huge.pth, names as published; the other towers of the same file are left
// alone: that of text is `ImageBindText`, those of depth, heat and motion `ImageBindSensorTower`.

public import TensorCore

/// Images, clips and sounds to vectors of one space.
public struct ImageBind: Sendable {
    /// The sizes it was built with.
    public let config: ImageBindConfig
    private let vision: ImageBindTower
    private let audio: ImageBindTower

    /// Reads or draws the two towers.
    ///
    /// - Throws: `ConfigError`, `CheckpointError`
    public init(_ config: ImageBindConfig, from weights: Weights) throws {
        try config.validate()
        self.config = config
        let (preprocessors, trunks, heads) = (
            weights["modality_preprocessors"], weights["modality_trunks"],
            weights["modality_heads"]
        )
        vision = ImageBindTower(
            stem: try ImageBindStem(config.vision, from: preprocessors["vision"]),
            trunk: try ImageBindTrunk(config.vision.trunk, from: trunks["vision"]),
            head: try ImageBindHead(
                config.vision.trunk.width, config.embeddingWidth, from: heads["vision"]))
        audio = ImageBindTower(
            stem: try ImageBindStem(config.audio, from: preprocessors["audio"]),
            trunk: try ImageBindTrunk(config.audio.trunk, from: trunks["audio"]),
            head: try ImageBindHead(
                config.audio.trunk.width, config.embeddingWidth, from: heads["audio"]))
    }

    /// What the published file holds beside the two towers, as patterns.
    public static let unusedTensors =
        ["text", "depth", "thermal", "imu"].flatMap { tower in
            ["preprocessors", "trunks", "heads"].map { "modality_\($0).\(tower).*" }
        } + ["modality_postprocessors.*"]

    /// One vector for each sample: a unit vector, or the mean of its clips' unit vectors.
    ///
    /// - Shapes: images `[batch, 3, size, size]`; video `[batch, clips, 3, framesPerClip, size,
    ///   size]` or with one frame; sound `[batch, clips, 1, melBins, frames]`, or
    ///   `[batch, 1, melBins, frames]` for one clip → `[batch, embeddingWidth]`
    /// - Parameter scalingAudio: multiplies sounds by the published logit scale, as upstream does
    ///   to compare modalities; the language model was trained without
    /// - Source: `ImageBindModel.forward`; the mean of clips is not normalised again
    public func embed(_ input: Tensor, _ modality: Modality, scalingAudio: Bool = false) -> Tensor {
        let isSound = modality == .audio
        guard input.rank >= 5 else {
            let unit = isSound ? audio(input) : vision(asClip(input))
            return scale(unit, isSound && scalingAudio)
        }
        let (batch, clips) = (input.shape[0], input.shape[1])
        let flat = input.flattened(0...1)
        let unit = isSound ? audio(flat) : vision(asClip(flat))
        let mean = unit.reshaped([batch, clips, config.embeddingWidth]).mean([1])
        return scale(mean, isSound && scalingAudio)
    }

    /// Bytes of tensors that `embed` of an input of that shape holds at its peak, weights aside.
    /// Nothing is computed.
    public func bytesNeeded(toEmbed shape: Shape, _ modality: Modality) throws -> Int {
        try MemoryBudget.bytesNeeded { device in
            let planned = try ImageBind(config, from: .shapesOnly(device: device))
            _ = planned.embed(.zeros(shape, device: device), modality)
        }
    }

    private func scale(_ embedding: Tensor, _ scaling: Bool) -> Tensor {
        scaling ? embedding * config.audio.logitScale : embedding
    }

    /// `[batch, 3, h, w]` or `[batch, 3, 1, h, w]` as a clip that stands still; a clip as it is.
    private func asClip(_ images: Tensor) -> Tensor {
        let clip = images.rank == 4 ? images.unsqueezed(2) : images
        return clip.shape[2] == 1 ? clip.tiled(config.vision.framesPerClip, axis: 2) : clip
    }
}

/// What one modality goes through: patches to tokens, blocks, and the class token to a unit vector.
struct ImageBindTower: Sendable {
    let stem: ImageBindStem
    let trunk: ImageBindTrunk
    let head: ImageBindHead

    func callAsFunction(_ input: Tensor) -> Tensor { head(trunk(stem(input))).normalized() }
}

/// Patches as tokens, a class token before them, and learnt positions.
///
/// - Shapes: `[batch, channels, ...]` → `[batch, 1 + patches, width]`
struct ImageBindStem: Sendable {
    private let projection: Convolution
    private let norm: LayerNorm?
    private let classToken: Parameter
    private let positions: Parameter
    /// One sample of what it takes; sizes come from the configuration, the batch from the input.
    private let inputShape: Shape

    /// Patches of a clip: time, row, column.
    init(_ config: ImageBindVisionConfig, from weights: Weights) throws {
        let patch = [config.temporalPatchSize, config.patchSize, config.patchSize]
        inputShape = [3, config.framesPerClip, config.imageSize, config.imageSize]
        projection = try Convolution(
            3, config.trunk.width, kernel: patch, stride: patch, bias: false,
            from: weights["rgbt_stem"]["proj"][1])
        norm = nil
        (classToken, positions) = try Self.embeddings(
            config.patches, config.trunk.width, from: weights)
    }

    /// Overlapping patches of a spectrogram: mel bin, frame.
    init(_ config: ImageBindAudioConfig, from weights: Weights) throws {
        inputShape = [1, config.melBins, config.frames]
        let stem = weights["rgbt_stem"]
        projection = try Convolution(
            1, config.trunk.width, kernel: [config.patchSize, config.patchSize],
            stride: [config.stride, config.stride], bias: false, from: stem["proj"])
        norm = try LayerNorm(config.trunk.width, epsilon: 1e-5, from: stem["norm_layer"])
        (classToken, positions) = try Self.embeddings(
            config.patches, config.trunk.width, from: weights)
    }

    /// Patches of a picture of one channel that do not overlap: row, column.
    init(_ config: ImageBindPictureConfig, stem: String, from weights: Weights) throws {
        let patch = [config.patchSize, config.patchSize]
        inputShape = [1, config.imageSize, config.imageSize]
        projection = try Convolution(
            1, config.trunk.width, kernel: patch, stride: patch, bias: false,
            from: weights[stem]["proj"])
        norm = try LayerNorm(config.trunk.width, epsilon: 1e-5, from: weights[stem]["norm_layer"])
        (classToken, positions) = try Self.embeddings(
            config.patches, config.trunk.width, from: weights)
    }

    private static func embeddings(
        _ patches: Int, _ width: Int, from weights: Weights
    ) throws -> (classToken: Parameter, positions: Parameter) {
        (
            try weights.parameter("cls_token", [1, 1, width], initial: .normal(0.02)),
            try weights["pos_embedding_helper"].parameter(
                "pos_embed", [1, 1 + patches, width], initial: .normal(0.02))
        )
    }

    func callAsFunction(_ input: Tensor) -> Tensor {
        precondition(
            Array(input.shape.dropFirst()) == inputShape,
            "ImageBind: input \(input.shape), expected [batch] + \(inputShape)")
        let patches = projection(input)
        var tokens = patches.flattened(2...(patches.rank - 1)).transposed()
        if let norm { tokens = norm(tokens) }
        let start = classToken.value.real.broadcast(to: [input.shape[0], 1, tokens.shape[2]])
        return Tensor.concatenate([start, tokens], axis: 1) + positions.value
    }
}

/// The class token to the shared space, not yet of unit length.
struct ImageBindHead: Sendable {
    private let norm: LayerNorm
    private let projection: Linear

    /// - Parameter place: of the map in the published list. Entry 1 there selects the class token and
    ///   has no weights; that of motion has a dropout too.
    init(_ width: Int, _ embeddingWidth: Int, place: Int = 2, from weights: Weights) throws {
        norm = try LayerNorm(width, epsilon: 1e-6, from: weights[0])
        projection = try Linear(width, embeddingWidth, bias: false, from: weights[place])
    }

    func callAsFunction(_ tokens: Tensor) -> Tensor { projection(norm(tokens.selected(1, 0))) }
}
