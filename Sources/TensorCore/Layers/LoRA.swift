/// How low-rank adapters are sized.
public struct LoRAConfig: Codable, Equatable, Sendable {
    public var rank: Int
    public var alpha: Float

    /// The published adapters have rank 32 and alpha 32.
    public init(rank: Int = 32, alpha: Float = 32) {
        self.rank = rank
        self.alpha = alpha
    }
}

/// A low-rank addition to a frozen linear map: `(α / r) · (x Aᵀ) Bᵀ`.
///
/// Paper: Hu et al. 2021, arXiv:2106.09685.
/// - Shapes: `[..., inputs]` → `[..., outputs]`
/// - Checkpoint: `lora_A.default.weight [rank, inputs]`, `lora_B.default.weight [outputs, rank]`,
///   as peft 0.3.0 names them; its own saver drops `.default`
struct LoRA: Sendable {
    let down: Parameter
    let up: Parameter
    let scale: Float

    /// Nil where the view has no adapter for this layer.
    init?(_ inputs: Int, _ outputs: Int, from weights: Weights) throws {
        guard let config = weights.adapter else { return nil }
        let (a, b) = (weights["lora_A"], weights["lora_B"])
        let (first, second) = a.contains("weight") ? (a, b) : (a["default"], b["default"])
        down = try first.parameter("weight", [config.rank, inputs], initial: .kaimingUniform)
        up = try second.parameter("weight", [outputs, config.rank], initial: .zeros)
        scale = config.alpha / Float(config.rank)
    }

    /// - Parameter dropout: of the input, while training
    func callAsFunction(_ x: Tensor, dropout: Dropout? = nil) -> Tensor {
        let input = dropout.map { $0(x, layer: down.name) } ?? x
        return input.linear(down.value).linear(up.value) * scale
    }
}
