package import Dialogue
import Diffusion
package import ModelZoo
package import TensorCore

/// How projections that no file has are made.
package struct FreshProjections: Sendable {
    package var modes: [Modality: OutputProjectionMode]
    /// Which hidden states each reads.
    package var hiddenLayers: [Modality: [Int]]
    /// Rows of conditioning for pictures and clips.
    package var rows: Int
    /// Sizes of the transformers of outputs; nil takes the published ones.
    package var sizes: TransformerSizes?
    package var seed: UInt64

    /// A transformer's width, layers on either side, and inner width.
    package struct TransformerSizes: Sendable {
        package var width, layers, feedForward: Int

        package init(width: Int, layers: Int, feedForward: Int) {
            (self.width, self.layers, self.feedForward) = (width, layers, feedForward)
        }
    }

    package init(
        modes: [Modality: OutputProjectionMode] = [:], hiddenLayers: [Modality: [Int]] = [:],
        rows: Int = 77, sizes: TransformerSizes? = nil, seed: UInt64 = 13
    ) {
        (self.modes, self.hiddenLayers) = (modes, hiddenLayers)
        (self.rows, self.sizes, self.seed) = (rows, sizes, seed)
    }
}

/// The maps into and out of the language model: from the delta, or from components of their own.
package struct Projections: Sendable {
    package let input: InputProjection
    package let outputs: [Modality: OutputProjection]
    /// The file that each of those was read from.
    let files: [Modality: String]
    /// All of their weights, in the order they were asked for.
    package let parameters: [Parameter]
    /// What the delta has for modalities that the folder does not make.
    package let unused: [StoredTensor]

    /// - Parameters:
    ///   - modalities: what there are to be projections for; nil: what the folder makes, and where
    ///     it has no decoder all of them
    ///   - fresh: draws what no file has; absent, that is an error
    /// - Throws: `ModelError`, `CheckpointError`, `ConfigError`, `DecoderError`
    package init(
        _ folder: ModelFolder, _ delta: Delta?, inputWidth: Int, hiddenSize: Int,
        tokens: SignalTokens, modalities: [Modality]? = nil, fresh: FreshProjections? = nil,
        device: Device = .cpu
    ) throws {
        let sources = try ProjectionSources(folder, delta, fresh, device: device)
        let (_, inputWeights) = try sources.open("inputProjection", "llama_proj")
        input = try InputProjection(
            inputWidth: inputWidth, hiddenSize: hiddenSize, from: inputWeights)
        var outputs: [Modality: OutputProjection] = [:]
        var files: [Modality: String] = [:]
        let found = folder.modalities.isEmpty ? Modality.signalOrder : folder.modalities
        for modality in modalities ?? found {
            let component = "outputProjection.\(modality.rawValue)"
            let name = OutputProjection.name(of: modality)
            let (checkpoint, weights) = try sources.open(component, name)
            let kind = folder.manifest.components[component]?.kind
            let mode =
                kind.flatMap(OutputProjectionMode.init) ?? fresh?.modes[modality]
                ?? OutputProjectionMode(of: checkpoint, name) ?? .transformer
            var config: OutputProjectionConfig
            if let fresh, checkpoint["\(name).0.model.weight"] == nil {
                config = try OutputProjectionConfig(
                    fresh, modality, mode, folder, hiddenSize: hiddenSize)
                config.inputTokens = tokens.count(of: modality)
            } else {
                config = try OutputProjectionConfig(
                    of: checkpoint, modality, mode: mode, hiddenSize: hiddenSize,
                    inputTokens: tokens.count(of: modality))
            }
            config.hiddenLayers =
                fresh?.hiddenLayers[modality] ?? delta?.notes.hiddenLayers[modality.rawValue]
                ?? config.hiddenLayers
            outputs[modality] = try OutputProjection(config, modality, from: weights)
            files[modality] = checkpoint.file
        }
        (self.outputs, self.files) = (outputs, files)
        let patterns = Modality.allCases.filter { outputs[$0] == nil }.map {
            "\(OutputProjection.name(of: $0)).*"
        }
        try sources.finish(unused: patterns + OutputProjection.unusedTensors)
        parameters = sources.parameters
        unused = (delta?.projections.tensors ?? []).filter { tensor in
            patterns.contains { matches(tensor.name, $0) }
        }
    }
}

/// Where the tensors of a projection lie. The delta is opened once, for it holds several.
private final class ProjectionSources {
    private let folder: ModelFolder
    private let device: Device
    private let shared: (checkpoint: Checkpoint, weights: Weights)?
    private var opened: [Weights] = []

    init(
        _ folder: ModelFolder, _ delta: Delta?, _ fresh: FreshProjections?, device: Device
    ) throws {
        self.folder = folder
        self.device = device
        // Where everything may be drawn, no file need be there.
        let file = fresh == nil ? nil : try Checkpoint(file: "no delta", tensors: [])
        shared = (delta?.projections ?? file).map { file in
            let weights = Weights(
                file, drawing: fresh == nil ? [] : ["*"], seed: fresh?.seed ?? 0, device: device)
            return (file, weights)
        }
        opened = shared.map { [$0.weights] } ?? []
    }

    var parameters: [Parameter] { opened.flatMap(\.parameters) }

    /// The file with a component's tensors, whose names begin with `name`. A delta that has them
    /// was trained after the component itself was made.
    func open(
        _ component: String, _ name: String
    ) throws -> (checkpoint: Checkpoint, weights: Weights) {
        if let shared {
            let isInDelta = shared.checkpoint.tensors.contains { $0.name.hasPrefix("\(name).") }
            if isInDelta || folder.manifest.components[component] == nil { return shared }
        }
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
    /// The published sizes or those that are asked for, with the width and rows that the folder's
    /// decoder takes.
    fileprivate init(
        _ fresh: FreshProjections, _ modality: Modality, _ mode: OutputProjectionMode,
        _ folder: ModelFolder, hiddenSize: Int
    ) throws {
        self = .published(modality, hiddenSize: hiddenSize, mode: mode)
        if let sizes = fresh.sizes {
            (innerWidth, layers) = (sizes.width, sizes.layers)
            feedForward = sizes.feedForward
        }
        if modality != .audio { outputTokens = fresh.rows }
        let component = "decoder.\(modality.rawValue)"
        guard folder.manifest.components[component] != nil else { return }
        let shape = try DecoderConfig(folder: folder.path(of: component)).conditioningShape
        outputTokens = shape.count > 1 ? shape[0] : 1
        outputWidth = shape.last ?? outputWidth
    }

    /// The sizes of a projection as its tensors show them, for the published file carries no
    /// description of its own. The number of heads cannot be seen and is the published four.
    ///
    /// - Throws: `CheckpointError.missing` where the file has no such projection
    init(
        of checkpoint: Checkpoint, _ modality: Modality, mode: OutputProjectionMode,
        hiddenSize: Int, inputTokens: Int
    ) throws {
        let published = OutputProjectionConfig.published(
            modality, hiddenSize: hiddenSize, mode: mode)
        let name = "\(OutputProjection.name(of: modality)).0"
        func size(_ tensor: String, _ axis: Int) throws -> Int {
            guard let shape = checkpoint["\(name).\(tensor)"]?.shape, axis < shape.count else {
                throw CheckpointError.missing(
                    name: "\(name).\(tensor)", expected: [], file: checkpoint.file)
            }
            return shape[axis]
        }
        let width = try size("model.weight", 0)
        func count(_ list: String) -> Int {
            let prefix = "\(name).\(list)."
            return Set(
                checkpoint.tensors.compactMap { tensor in
                    tensor.name.hasPrefix(prefix)
                        ? tensor.name.dropFirst(prefix.count).split(separator: ".").first : nil
                }
            ).count
        }
        self = published
        (self.inputTokens, outputWidth) = (inputTokens, width)
        switch mode {
        case .linear: break
        case .transformer:
            (innerWidth, outputTokens) = (try size("fc.weight", 0), try size("query_embs", 1))
            layers = count("tfm.encoder.layers")
            feedForward = try size("tfm.encoder.layers.0.linear1.weight", 0)
        case .qformer:
            (innerWidth, outputTokens) = (try size("fc.weight", 0), try size("query_tokens", 1))
            layers = count("Qformer.bert.encoder.layer")
            feedForward = try size(
                "Qformer.bert.encoder.layer.0.intermediate_query.dense.weight", 0)
        }
    }
}

extension OutputProjectionMode {
    /// The mode that a projection's tensors are of, where their names show it.
    fileprivate init?(of checkpoint: Checkpoint, _ name: String) {
        if checkpoint["\(name).0.query_tokens"] != nil {
            self = .qformer
        } else if checkpoint["\(name).0.query_embs"] != nil {
            self = .transformer
        } else {
            return nil
        }
    }
}
