import Glibc
public import TensorCore

/// ImageBind's tower of texts: captions to the space of images and sounds. The assistant needs none
/// of it, so that it is a network of its own beside `ImageBind`.
///
/// - Checkpoint: in `imagebind_huge.pth` under `modality_{preprocessors,trunks,heads,
///   postprocessors}.text`, names as published
public struct ImageBindText: Sendable {
    /// The sizes it was built with.
    public let config: ImageBindTextConfig
    private let tokens: Embedding
    private let positions: Parameter
    private let trunk: ImageBindTrunk
    private let norm: LayerNorm
    private let projection: Linear
    /// The logarithm of what cosines with texts are multiplied by: `[]`.
    public let logarithmOfLogitScale: Parameter

    /// Reads or draws the tower.
    ///
    /// - Throws: `ConfigError`, `CheckpointError`
    public init(
        _ config: ImageBindTextConfig, embeddingWidth: Int, from weights: Weights
    ) throws {
        try config.validate()
        self.config = config
        let (width, stem) = (config.trunk.width, weights["modality_preprocessors.text"])
        tokens = try Embedding(
            config.vocabularySize, width, deviation: 0.02, from: stem["token_embedding"])
        positions = try stem.parameter(
            "pos_embed", [1, config.contextLength, width], initial: .normal(0.01))
        trunk = try ImageBindTrunk(config.trunk, from: weights["modality_trunks.text"])
        let head = weights["modality_heads.text.proj"]
        norm = try LayerNorm(width, epsilon: 1e-6, from: head[0])
        projection = try Linear(width, embeddingWidth, bias: false, from: head[1])
        logarithmOfLogitScale = try weights["modality_postprocessors.text"][1].parameter(
            "log_logit_scale", [], initial: .constant(logf(1 / 0.07)))
    }

    /// What the published file holds beside this tower, as patterns. Its own mask is the causal one.
    public static let unusedTensors =
        ["modality_preprocessors.text.mask"]
        + ["vision", "audio", "depth", "thermal", "imu"].map { "modality_*.\($0).*" }

    /// One vector for each text.
    ///
    /// - Shapes: integers `[batch, contextLength]`, with marks around the text and zeros after
    ///   them → unit vectors `[batch, embeddingWidth]`
    /// - Parameter scaling: multiplies them by the learnt logit scale, as upstream does to compare
    ///   modalities
    public func embed(_ ids: Tensor, scaling: Bool = false) -> Tensor {
        precondition(
            ids.rank == 2 && ids.shape[1] == config.contextLength,
            "ImageBindText: ids \(ids.shape), expected [batch, \(config.contextLength)]")
        let states = trunk(tokens(ids) + positions.value.real, mask: .causal)
        let unit = projection(norm(states.states(atEndsOf: ids))).normalized()
        guard scaling else { return unit }
        let scale = logarithmOfLogitScale.value.real.exp()
        return unit * scale.minimum(Tensor(100, device: scale.device))
    }
}
