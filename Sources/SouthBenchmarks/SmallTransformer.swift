public import TensorCore
import Training

/// A decoder-only transformer of 10 million parameters: the first of the two networks whose
/// training is timed and held against PyTorch's.
///
/// - Shapes: integers `[batch, time]` → logits `[batch, time, vocabulary]`
/// - Checkpoint: `tokens positions layers.N.{norm1,qkv,output,norm2,up,down} norm head`, linear
///   maps without biases
public struct SmallTransformer: Sendable {
    /// Its sizes; the defaults are those that are timed.
    public struct Config: Sendable {
        public var vocabulary = 256
        public var width = 384
        public var layers = 6
        public var heads = 6
        public var context = 256

        public init() {}
    }

    let tokens: Embedding
    let positions: Embedding
    let layers: [Layer]
    let norm: LayerNorm
    let head: Linear

    /// Reads or draws the weights.
    public init(_ config: Config = Config(), from weights: Weights) throws {
        let width = config.width
        tokens = try Embedding(config.vocabulary, width, from: weights["tokens"])
        positions = try Embedding(config.context, width, from: weights["positions"])
        layers = try (0..<config.layers).map {
            try Layer(width, heads: config.heads, from: weights["layers"][$0])
        }
        norm = try LayerNorm(width, from: weights["norm"])
        head = try Linear(width, config.vocabulary, bias: false, from: weights["head"])
    }

    public func callAsFunction(_ ids: Tensor) -> Tensor {
        let places = Tensor((0..<ids.shape[1]).map(Int32.init), device: ids.device)
        let x = layers.reduce(tokens(ids) + positions(places)) { x, layer in layer(x) }
        return head(norm(x))
    }

    /// The mean cross-entropy of `targets [batch, time]`.
    public func loss(_ ids: Tensor, targets: Tensor) -> Tensor {
        let logits = self(ids)
        return logits.crossEntropy(targets)
    }

    struct Layer: Sendable {
        let heads: Int
        let norm1: LayerNorm
        let qkv: Linear
        let output: Linear
        let norm2: LayerNorm
        let up: Linear
        let down: Linear

        init(_ width: Int, heads: Int, from weights: Weights) throws {
            self.heads = heads
            func linear(_ inputs: Int, _ outputs: Int, _ name: String) throws -> Linear {
                try Linear(inputs, outputs, bias: false, from: weights[name])
            }
            norm1 = try LayerNorm(width, from: weights["norm1"])
            qkv = try linear(width, 3 * width, "qkv")
            output = try linear(width, width, "output")
            norm2 = try LayerNorm(width, from: weights["norm2"])
            up = try linear(width, 4 * width, "up")
            down = try linear(4 * width, width, "down")
        }

        func callAsFunction(_ x: Tensor) -> Tensor {
            let parts = qkv(norm1(x)).split(3, axis: -1).map { $0.splitHeads(heads) }
            let y = output(attention(parts[0], parts[1], parts[2], mask: .causal), residual: x)
            return down(up(norm2(y), activation: .gelu), residual: y)
        }
    }
}

extension SmallTransformer {
    /// One step of AdamW over `batch` sequences of 256 tokens.
    static func trainingStep(batch: Int, device: Device) throws -> () throws -> Void {
        let weights = Weights.fresh(seed: 13, device: device)
        let model = try SmallTransformer(from: weights)
        var random = TorchGenerator(seed: 1)
        func ids() -> Tensor {
            let numbers = random.integers(batch * 256, below: 256).map(Int32.init)
            return Tensor(numbers, [batch, 256], device: device)
        }
        let (inputs, targets) = (ids(), ids())
        let optimizer = try PhaseOptimizer(
            TrainingPhase("all", [ParameterGroup("all", weights.parameters)]), OptimizerConfig(),
            communicator: Communicator())
        return {
            let loss = withGradients { model.loss(inputs, targets: targets) }
            try optimizer.accumulate(loss, isLast: true)
            _ = try optimizer.step(rate: 1e-3, clip: nil)
        }
    }
}
