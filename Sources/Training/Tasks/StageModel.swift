import DataPipeline
package import Dialogue
package import ModelZoo
package import SouthGPT
package import TensorCore

/// Where the frozen parts of a model lie.
public enum StageModelPlace: Sendable {
    /// A model folder, with `southgpt.json`.
    case folder(String)
    /// The README's layout: `pretrained_ckpt_path` with `imagebind_ckpt/` and `vicuna_ckpt/`, seen
    /// from this root.
    case checkpoints(root: String)
}

/// The networks of a stage: what the model is made of but its decoders, which no stage needs.
package struct StageModel: Sendable {
    package let folder: ModelFolder
    /// What training goes on from.
    package let delta: Delta?
    package let layout: SequenceLayout
    package let encoder: ImageBind
    package let languageModel: LanguageModelParts
    package let projections: Projections

    init(
        _ place: StageModelPlace, _ config: TrainingConfig, delta path: String?,
        adapter: LoRAConfig?, device: Device, memory: MemoryBudget
    ) throws {
        folder = try StageModel.folder(place, config)
        let deltaPath = path ?? (try? folder.path(of: "delta"))
        delta = try deltaPath.map { try Delta($0, unrounded: true) }
        let tokens =
            folder.manifest.signalTokens
            ?? SignalTokens(
                image: config.numGenImgTokens, video: config.numGenVideoTokens,
                audio: config.numGenAudioTokens)
        let tokenizer = try LLaMATokenizer(folder: folder.path(of: "tokenizer"))
            .adding(tokens.allNames)
        layout = try SequenceLayout(tokenizer, tokens)
        encoder = try ImageBind.open(folder.path(of: "encoder"), device: device, memory: memory)
        languageModel = try LanguageModelParts(
            folder.path(of: "llm"), delta, tokenizer,
            training: LanguageModelTraining(
                movesBaseRows: config.trainFullEmbeddings ?? false,
                initial: config.newRowInitialization ?? .mean, adapter: adapter,
                seed: config.seed),
            device: device, memory: memory)
        let layers = languageModel.model.config.numHiddenLayers
        let fresh = try config.freshProjections(layers: layers)
        // The README's layout is trained for all decoders, whichever are there.
        var modalities: [Modality]?
        if case .checkpoints = place { modalities = Modality.signalOrder }
        projections = try Projections(
            folder, delta, inputWidth: encoder.config.embeddingWidth,
            hiddenSize: languageModel.model.config.hiddenSize, tokens: tokens,
            modalities: modalities, fresh: fresh, device: device)
    }

    /// All weights that a stage can move, none of which does yet.
    package var parameters: [Parameter] { projections.parameters + languageModel.parameters }

    /// The README's layout as a model folder.
    private static func folder(
        _ place: StageModelPlace, _ config: TrainingConfig
    ) throws -> ModelFolder {
        switch place {
        case .folder(let path): return try ModelFolder(path)
        case .checkpoints(let root):
            let llm = "vicuna_ckpt/\(config.vicunaVersion)"
            // Decoders give projections their sizes and show what is learnt; none is needed, and of
            // some only the text encoder may be there.
            let components = CheckpointLayout.networks(
                encoder: "imagebind_ckpt/\(config.imagebindVersion)", languageModel: llm,
                decoders: config.decoders, lookup: ModelLookup(root: root))
            return try ModelFolder(
                resolvedPath(config.pretrainedCkptPath, root: root),
                manifest: ModelManifest(name: config.vicunaVersion, components: components))
        }
    }
}

extension TrainingConfig {
    /// The decoders' published names.
    var decoders: [Modality: String] {
        [.image: imageDiffusion, .video: videoDiffusion, .audio: audioDiffusion]
    }

    /// Output projections by its keys.
    ///
    /// - Throws: `SettingsError.badValue` for a hidden state that the model does not have
    fileprivate func freshProjections(layers count: Int) throws -> FreshProjections {
        let lists = [
            ("text_emb_to_img_layers", textEmbToImgLayers),
            ("text_emb_to_video_layers", textEmbToVideoLayers),
            ("text_emb_to_audio_layers", textEmbToAudioLayers),
        ]
        for (key, layers) in lists
        where layers.isEmpty || !layers.allSatisfy({ (-1...count).contains($0) }) {
            throw SettingsError.badValue(
                key: key, file: "config", found: "\(layers)",
                expected: "one or more of -1, 0 … \(count), as the language model has")
        }
        func mode(_ mode: ProjectionMode) -> OutputProjectionMode {
            switch mode {
            case .transformer: .transformer
            case .linear: .linear
            case .qformer: .qformer
            }
        }
        return FreshProjections(
            modes: [
                .image: mode(textFcToImgMode), .video: mode(textFcToVideoMode),
                .audio: mode(textFcToAudioMode),
            ],
            hiddenLayers: [
                .image: textEmbToImgLayers, .video: textEmbToVideoLayers,
                .audio: textEmbToAudioLayers,
            ], rows: numClipTokens,
            sizes: .init(width: textFcWidth, layers: textFcLayers, feedForward: textFcFeedForward),
            seed: seed &+ 1)
    }
}
