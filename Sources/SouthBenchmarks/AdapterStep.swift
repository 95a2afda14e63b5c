import ModelZoo
import TensorCore
import Training

/// A step of low-rank adapters on layers of LLaMA-7B's shapes, over a base of some type: what
/// stage 3 spends its time on.
struct AdapterStep {
    private static let adapted = ["q_proj", "k_proj", "v_proj", "o_proj"].map {
        "*.self_attn.\($0)"
    }

    private let model: LLaMA
    private let optimizer: PhaseOptimizer
    private let ids: Tensor

    /// - Parameter tokens: of the one dialogue
    init(tokens: Int, layers: Int, base dtype: DType, device: Device) throws {
        let config = LLaMAConfig(
            vocabSize: 32000, hiddenSize: 4096, intermediateSize: 11008,
            numHiddenLayers: layers, numAttentionHeads: 32, maxPositionEmbeddings: 2048)
        let shapes = Weights.shapesOnly()
        _ = try LLaMA(config, from: shapes)
        // Drawn one after the other when they are asked for: the base is never there in float32.
        let stored = shapes.parameters.map {
            drawnWeight($0.name, $0.value.shape, as: dtype)
        }
        let weights = Weights(
            [try Checkpoint(file: "memory", tensors: stored)], drawing: ["*.lora_*"],
            device: device
        ).adapted(LoRAConfig(), matching: AdapterStep.adapted)
        model = try LLaMA(config, from: weights)
        let adapters = weights.parameters.filter { $0.name.contains(".lora_") }
        for parameter in weights.parameters { parameter.isTrainable = false }
        for parameter in adapters { parameter.isTrainable = true }
        optimizer = try PhaseOptimizer(
            TrainingPhase("all", [ParameterGroup("adapters", adapters)]), OptimizerConfig(),
            communicator: Communicator())
        var random = TorchGenerator(seed: 1)
        ids = Tensor(
            random.integers(tokens + 1, below: 32000).map(Int32.init), [1, tokens + 1],
            device: device)
    }

    func callAsFunction() throws {
        let tokens = ids.shape[1] - 1
        let loss = withGradients {
            let states = model.hiddenStates(model.embedTokens(ids.sliced(1, 0..<tokens)))
            return model.logits(states).crossEntropy(ids.sliced(1, 1..<(tokens + 1)))
        }
        try optimizer.accumulate(loss, isLast: true)
        _ = try optimizer.step(rate: 1e-3, clip: nil)
    }
}
