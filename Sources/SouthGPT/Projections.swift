import Dialogue
import ModelZoo
import TensorCore

/// The maps into and out of the language model: from the delta, or from components of their own.
struct Projections {
    let input: InputProjection
    let outputs: [Modality: OutputProjection]

    init(
        _ folder: ModelFolder, _ delta: Delta?, inputWidth: Int, hiddenSize: Int,
        tokens: SignalTokens, device: Device
    ) throws {
        let sources = ProjectionSources(folder, delta, device: device)
        let (_, inputWeights) = try sources.open("inputProjection")
        input = try InputProjection(
            inputWidth: inputWidth, hiddenSize: hiddenSize, from: inputWeights)
        var outputs: [Modality: OutputProjection] = [:]
        for modality in folder.modalities {
            let component = "outputProjection.\(modality.rawValue)"
            let (checkpoint, weights) = try sources.open(component)
            let kind = folder.manifest.components[component]?.kind
            let config = try OutputProjectionConfig(
                of: checkpoint, modality,
                mode: kind.flatMap(OutputProjectionMode.init) ?? .transformer,
                hiddenSize: hiddenSize, inputTokens: tokens.count(of: modality))
            outputs[modality] = try OutputProjection(config, modality, from: weights)
        }
        self.outputs = outputs
        let absent = Modality.allCases.filter { outputs[$0] == nil }
        try sources.finish(unused: absent.map { "\(OutputProjection.name(of: $0)).*" })
    }
}

/// Where the tensors of a projection lie. The delta is opened once, for it holds several.
private final class ProjectionSources {
    private let folder: ModelFolder
    private let device: Device
    private let shared: (checkpoint: Checkpoint, weights: Weights)?
    private var opened: [Weights] = []

    init(_ folder: ModelFolder, _ delta: Delta?, device: Device) {
        self.folder = folder
        self.device = device
        shared = delta.map { ($0.projections, Weights($0.projections, device: device)) }
        opened = shared.map { [$0.weights] } ?? []
    }

    func open(_ component: String) throws -> (checkpoint: Checkpoint, weights: Weights) {
        if folder.manifest.components[component] == nil, let shared { return shared }
        let checkpoint = try Checkpoint(path: folder.path(of: component))
        let weights = Weights(checkpoint, device: device)
        opened.append(weights)
        return (checkpoint, weights)
    }

    func finish(unused: [String]) throws {
        for weights in opened { try weights.finish(unused: unused) }
    }
}

extension OutputProjectionConfig {
    /// The sizes of a projection as its tensors show them, for the published file carries no
    /// description of its own. The number of heads cannot be seen and is the published four.
    ///
    /// - Throws: `CheckpointError.missing` where the file has no such projection
    init(
        of checkpoint: Checkpoint, _ modality: Modality, mode: OutputProjectionMode,
        hiddenSize: Int, inputTokens: Int
    ) throws {
        let published = OutputProjectionConfig.published(modality, hiddenSize: hiddenSize)
        let name = "\(OutputProjection.name(of: modality)).0"
        func size(_ tensor: String, _ axis: Int) throws -> Int {
            guard let shape = checkpoint["\(name).\(tensor)"]?.shape, axis < shape.count else {
                throw CheckpointError.missing(
                    name: "\(name).\(tensor)", expected: [], file: checkpoint.file)
            }
            return shape[axis]
        }
        let width = try size("model.weight", 0)
        guard mode == .transformer else {
            self.init(
                mode: mode, hiddenSize: hiddenSize, inputTokens: inputTokens,
                outputTokens: published.outputTokens, outputWidth: width)
            return
        }
        let layers = Set(
            checkpoint.tensors.compactMap { tensor in
                tensor.name.hasPrefix("\(name).tfm.encoder.layers.")
                    ? tensor.name.split(separator: ".").dropFirst(5).first : nil
            })
        self.init(
            mode: mode, hiddenSize: hiddenSize, innerWidth: try size("fc.weight", 0),
            heads: published.heads, layers: layers.count,
            feedForward: try size("tfm.encoder.layers.0.linear1.weight", 0),
            inputTokens: inputTokens, outputTokens: try size("query_embs", 1), outputWidth: width)
    }
}
