// Stable Diffusion's safety checker: whether a picture is near to what seventeen vectors stand for.
// Reference: diffusers, safety_checker.py over transformers, modeling_clip.py.
// Checkpoint: `safety_checker` of Stable Diffusion 1.x, names as published.

public import TensorCore

/// `config.json` of diffusers' `StableDiffusionSafetyChecker`.
public struct SafetyCheckerConfig: Codable, Equatable, Sendable {
    /// CLIP's tower for pictures; what is left out is as in ViT-L/14.
    public struct Vision: Codable, Equatable, Sendable {
        public var hiddenSize: Int?
        public var intermediateSize: Int?
        public var numHiddenLayers: Int?
        public var numAttentionHeads: Int?
        public var imageSize: Int?
        public var patchSize: Int?
        public var hiddenAct: String?
        public var layerNormEps: Float?
    }

    public var visionConfig: Vision
    public var projectionDim: Int?

    var width: Int { visionConfig.hiddenSize ?? 1024 }
    var layers: Int { visionConfig.numHiddenLayers ?? 24 }
    var patch: Int { visionConfig.patchSize ?? 14 }
    /// Pixels of a side of what it looks at.
    public var imageSize: Int { visionConfig.imageSize ?? 224 }
    var patchesOfASide: Int { imageSize / max(patch, 1) }
}

/// Looks at pictures and says which are near to something that should not be shown.
public struct SafetyChecker: Sendable {
    /// Tensors that some releases carry and none uses.
    public static let unused = ["*position_ids"]

    public let config: SafetyCheckerConfig
    let classEmbedding: Parameter
    let patches: Convolution
    let positions: Parameter
    let normBefore, normAfter: LayerNorm
    let layers: [CLIPLayer]
    let projection: Linear
    let concepts: Parameter
    let conceptThresholds: Parameter
    let specialConcepts: Parameter
    let specialThresholds: Parameter

    /// Reads or draws the weights.
    ///
    /// - Throws: `ConfigError`, `CheckpointError` where the file or the config disagrees
    public init(_ config: SafetyCheckerConfig, from weights: Weights) throws {
        func require(_ key: String, _ value: Int, _ range: ClosedRange<Int>) throws {
            try ConfigError.require("safety checker", key, value, in: range)
        }
        let (width, output) = (config.width, config.projectionDim ?? 768)
        try require("hidden_size", width, 1...65536)
        try require("num_hidden_layers", config.layers, 1...1024)
        try require("image_size", config.imageSize, 1...8192)
        try require("patch_size", config.patch, 1...config.imageSize)
        try require("projection_dim", output, 1...65536)
        self.config = config
        let model = weights["vision_model.vision_model"]
        let embeddings = model["embeddings"]
        let epsilon = config.visionConfig.layerNormEps ?? 1e-5
        let count = config.patchesOfASide * config.patchesOfASide + 1
        classEmbedding = try embeddings.parameter("class_embedding", [width])
        patches = try Convolution(
            3, width, kernel: [config.patch, config.patch], stride: [config.patch, config.patch],
            bias: false, from: embeddings["patch_embedding"])
        positions = try embeddings["position_embedding"].parameter("weight", [count, width])
        // The published name lacks an e.
        normBefore = try LayerNorm(width, epsilon: epsilon, from: model["pre_layrnorm"])
        layers = try (0..<config.layers).map { index in
            try CLIPLayer(
                width, config.visionConfig.intermediateSize ?? 4096,
                heads: config.visionConfig.numAttentionHeads ?? 16,
                activation: config.visionConfig.hiddenAct ?? "quick_gelu", epsilon: epsilon,
                from: model["encoder.layers"][index])
        }
        normAfter = try LayerNorm(width, epsilon: epsilon, from: model["post_layernorm"])
        projection = try Linear(width, output, bias: false, from: weights["visual_projection"])
        concepts = try weights.parameter("concept_embeds", [17, output])
        conceptThresholds = try weights.parameter("concept_embeds_weights", [17])
        specialConcepts = try weights.parameter("special_care_embeds", [3, output])
        specialThresholds = try weights.parameter("special_care_embeds_weights", [3])
    }

    /// Which pictures are flagged.
    ///
    /// - Shapes: `pictures [batch, 3, imageSize, imageSize]`, normalised as CLIP's
    public func callAsFunction(_ pictures: Tensor) -> [Bool] {
        let vectors = vectors(pictures)
        func scores(_ concepts: Parameter, _ thresholds: Parameter) -> [Float] {
            let near = vectors.matmul(concepts.value.cast(to: .float32).normalized().transposed())
            return (near - thresholds.value.cast(to: .float32)).floats()
        }
        let special = scores(specialConcepts, specialThresholds)
        let plain = scores(concepts, conceptThresholds)
        return (0..<pictures.shape[0]).map { index in
            // One hit of the special ones makes all that follow stricter.
            var addition: Float = 0
            for score in special[(3 * index)..<(3 * index + 3)] where rounded(score + addition) > 0
            {
                addition = 0.01
            }
            return plain[(17 * index)..<(17 * index + 17)].contains { rounded($0 + addition) > 0 }
        }
    }

    /// To three digits, as the original compares.
    private func rounded(_ score: Float) -> Float {
        (score * 1000).rounded(.toNearestOrEven) / 1000
    }

    /// What pictures are compared by, `[batch, projectionDim]`, of length one.
    package func vectors(_ pictures: Tensor) -> Tensor { projection(pooled(pictures)).normalized() }

    private func pooled(_ pictures: Tensor) -> Tensor {
        let batch = pictures.shape[0]
        let seen = patches(pictures).flattened(2...3).transposed()
        let first = classEmbedding.value.cast(to: .float32).reshaped([1, 1, config.width])
        let rows = Tensor.concatenate([first.tiled(batch, axis: 0), seen], axis: 1)
        let embedded = normBefore(rows + positions.value.cast(to: .float32))
        let states = layers.reduce(embedded) { x, layer in layer(x, mask: .none) }
        return normAfter(states.sliced(1, 0..<1).squeezed(1))
    }
}
