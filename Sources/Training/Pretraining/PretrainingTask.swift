public import DataPipeline
import Dialogue
import ModelZoo
public import TensorCore

/// The components that can be trained on their own, as `--task` names them.
public enum PretrainingTask: String, Codable, CaseIterable, Sendable {
    /// The language model.
    case llama
    /// The encoder: images, clips, sounds and texts in one space.
    case imagebind
    /// The text encoder of image and video decoders.
    case clipText = "clip_text"
    /// The text encoder of sound decoders.
    case clapText = "clap_text"
    /// The autoencoder of pictures or of spectrograms.
    case vae
    /// The network that denoises latents, with its text encoder if wanted.
    case unet
    /// From spectrograms to sound.
    case vocoder

    /// The component of a name.
    ///
    /// - Throws: `SettingsError.badValue`, which lists the names
    public static func named(_ name: String) throws -> PretrainingTask {
        guard let task = PretrainingTask(rawValue: name) else {
            throw SettingsError.badValue(
                key: "task", file: "--task", found: "'\(name)'",
                expected: allCases.map(\.rawValue).joined(separator: ", "))
        }
        return task
    }

    /// Reads a file of settings and makes the task that it describes.
    ///
    /// - Parameters:
    ///   - files: such as `Configs/pretrain/base.yaml` and `Configs/pretrain/unet.yaml`, each laid
    ///     over those before
    ///   - assignments: `key=value`, laid over them
    ///   - root: where relative paths in it start
    ///   - datasets: opens a dataset of the catalog by name; vocabularies are made from the texts,
    ///     and the scale of latents is measured on them
    /// - Throws: `SettingsError`, `ConfigError`, `CheckpointError`, `TokenizerError`, `DatasetError`
    public func open(
        files: [String], assignments: [String] = [], root: String = ".",
        datasets: (String) throws -> DialogueDataset
    ) throws -> (settings: RunSettings<PretrainingTask>, task: any TrainingTask) {
        let file = files.last ?? ""
        // Before its recipe is read as one of another kind.
        try check(try Settings(contentsOf: file).values["task"], in: file)
        func read<Recipe: Codable & Sendable>(
            _ type: Recipe.Type
        ) throws -> (RunSettings<PretrainingTask>, Recipe, PretrainingSource) {
            let settings = try RunSettings<PretrainingConfig<Recipe>>(
                files: files, assignments: assignments)
            try check(settings.task.task.rawValue, in: file)
            let recomputes = settings.task.checkpointActivations ?? false
            try checkSavings(settings.engine, recomputesLayers: recomputes, in: file)
            let opened = try settings.run.datasetNameList.map(datasets)
            let source = PretrainingSource(
                file: file, root: root, seed: settings.run.seed, datasets: opened,
                storage: settings.engine.storesBrainFloat ? .bfloat16 : .float32,
                recomputesLayers: recomputes)
            return (settings.with(settings.task.task), settings.task.recipe, source)
        }
        switch self {
        case .llama:
            let (settings, recipe, source) = try read(LanguageModelRecipe.self)
            return (settings, try LanguageModelTask(recipe, source))
        case .imagebind:
            let (settings, recipe, source) = try read(ImageBindRecipe.self)
            return (settings, try ImageBindTask(recipe, source))
        case .clipText, .clapText:
            let (settings, recipe, source) = try read(TextEncoderTask.Recipe.self)
            return (settings, try TextEncoderTask(rawValue, recipe, source))
        case .vae:
            let (settings, recipe, source) = try read(AutoencoderRecipe.self)
            return (settings, try AutoencoderTask(recipe, source))
        case .unet:
            let (settings, recipe, source) = try read(DenoiserRecipe.self)
            return (settings, try DenoiserTask(recipe, source))
        case .vocoder:
            let (settings, recipe, source) = try read(VocoderRecipe.self)
            return (settings, try VocoderTask(recipe, source))
        }
    }

    /// Refuses what saves memory where a component cannot.
    private func checkSavings(
        _ engine: EngineConfig, recomputesLayers: Bool, in file: String
    ) throws {
        guard self != .llama else { return }
        let asked = [
            ("fp16.enabled", engine.fp16?.enabled == true),
            ("bf16.enabled", engine.bf16?.isOn == true),
            ("checkpoint_activations", recomputesLayers),
        ]
        for (key, isOn) in asked where isOn {
            throw SettingsError.badValue(
                key: key, file: file, found: "true",
                expected: "false: \(rawValue) is trained in float32 with all activations kept. "
                    + "Only llama and the stages can do with less")
        }
    }

    private func check(_ found: String?, in file: String) throws {
        guard let found, found != rawValue else { return }
        throw SettingsError.badValue(
            key: "task", file: file, found: "'\(found)'", expected: "\(rawValue), as asked for")
    }
}

/// Where a recipe comes from, and what it may look at while its networks are made.
public struct PretrainingSource: Sendable {
    /// The file of settings, which errors name.
    public let file: String
    /// Where relative paths start.
    public let root: String
    /// Of fresh weights.
    public let seed: UInt64
    public let datasets: [DialogueDataset]
    /// What weights are kept in while they are trained, beside masters.
    public let storage: DType
    /// Whether layers are computed once more on the way back, instead of keeping what they made.
    public let recomputesLayers: Bool

    /// A source.
    public init(
        file: String = "the recipe", root: String = ".", seed: UInt64 = 13,
        datasets: [DialogueDataset] = [], storage: DType = .float32,
        recomputesLayers: Bool = false
    ) {
        (self.file, self.root, self.seed, self.datasets) = (file, root, seed, datasets)
        (self.storage, self.recomputesLayers) = (storage, recomputesLayers)
    }

    func path(_ path: String) -> String { resolvedPath(path, root: root) }

    /// The sizes of a network that continues from a folder, or else those that the recipe states.
    func config<Config: Decodable>(
        in folder: String?, or stated: Config?, key: String = "config"
    ) throws -> Config {
        if let folder { return try ConfigFile.read(from: "\(folder)/config.json") }
        guard let stated else {
            throw fault(key, "absent", "the sizes, because from names no network")
        }
        return stated
    }

    func fault(_ key: String, _ found: String, _ expected: String) -> SettingsError {
        .badValue(key: "recipe.\(key)", file: file, found: found, expected: expected)
    }

    /// The texts of at most `limit` samples of each dataset, for vocabularies. Samples that cannot be
    /// read are left to the loader, which puts them aside.
    func texts(limit: Int = 100_000) throws -> [String] {
        let texts = datasets.flatMap { dataset in
            (0..<min(dataset.count, limit)).flatMap { index -> [String] in
                guard let sample = try? dataset.sample(index) else { return [] }
                return sample.messages.map(\.text) + sample.targets.map(\.caption)
            }
        }
        guard !texts.isEmpty else {
            throw fault("tokenizer", "absent, and no dataset has text to make one from", "a folder")
        }
        return texts
    }
}
