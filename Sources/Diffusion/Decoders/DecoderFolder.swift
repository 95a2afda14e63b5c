import FoundationEssentials
public import ModelZoo
import TensorCore

// A folder as diffusers writes it: model_index.json and a folder for each component.

extension DecoderConfig {
    /// Reads `model_index.json` and the configuration of every component.
    ///
    /// - Throws: `DecoderError` for a missing component or another kind of pipeline, `ConfigError`
    ///   for a file that cannot be read
    public init(folder: String) throws {
        let (modality, entries) = try DecoderConfig.index(of: folder)
        let index = DecoderConfig.indexFile(of: folder)
        for component in DecoderComponent.allCases {
            guard let (_, types) = modality.classes(component) else { continue }
            try DecoderConfig.require(component, "\(folder)/\(component.rawValue)")
            guard case .component(_, let type) = entries[component.rawValue] else {
                throw ConfigError.malformed(
                    file: index, reason: "names no class for '\(component.rawValue)'")
            }
            try DecoderConfig.require(component, type, of: types, in: index)
            // The component's own file says it, too, where diffusers wrote it.
            let file = "\(folder)/\(component.rawValue)/\(component.configFile)"
            if component != .tokenizer, FileManager.default.fileExists(atPath: file),
                let type = try ConfigFile.read(ClassName.self, from: file)._className
            {
                try DecoderConfig.require(component, type, of: types, in: file)
            }
        }
        func read<Config: Decodable>(
            _ component: DecoderComponent
        ) throws -> Config {
            let path = "\(folder)/\(component.rawValue)/\(component.configFile)"
            try DecoderConfig.require(component, path)
            return try ConfigFile.read(from: path)
        }
        let unet: UNetConfig = try read(.unet)
        // Stable Diffusion 2 has the same pipeline class; its text states are 1024 wide, and those of
        // XL, whose UNet is sometimes put among the parts of others, 2048.
        switch unet.contextSize {
        case 1024 where modality == .image:
            throw DecoderError.otherFamily(file: index, family: "Stable Diffusion 2")
        case 2048 where modality == .image:
            throw DecoderError.otherFamily(
                file: "\(folder)/unet/config.json", family: "the UNet of Stable Diffusion XL")
        default: break
        }
        do {
            try self.init(
                modality, unet: unet, vae: read(.vae),
                textEncoder: DecoderConfig.textEncoder(of: modality, in: folder),
                vocoder: modality == .audio ? read(.vocoder) : nil,
                scheduler: read(.scheduler), from: folder)
        } catch ConfigError.unsupported(let config, let key, let found, let expected) {
            throw ConfigError.unsupported(
                config: "\(config) in \(folder)", key: key, found: found, expected: expected)
        }
    }

    private struct ClassName: Decodable { let _className: String? }

    private static func require(
        _ component: DecoderComponent, _ type: String, of types: [String], in file: String
    ) throws {
        guard types.contains(type) else {
            throw DecoderError.unsupported(
                file: file, what: "the \(component.rawValue) '\(type)'",
                expected: types.joined(separator: ", "))
        }
    }

    private static func indexFile(of folder: String) -> String { "\(folder)/model_index.json" }

    /// What the pipeline makes, and the entries of its `model_index.json`.
    private static func index(of folder: String) throws -> (Modality, [String: IndexEntry]) {
        let index = indexFile(of: folder)
        let entries = try ConfigFile.read([String: IndexEntry].self, from: index)
        guard case .text(let pipeline) = entries["_class_name"] else {
            throw ConfigError.malformed(file: index, reason: "lacks the key '_class_name'")
        }
        guard let modality = Modality.allCases.first(where: { $0.pipelines.contains(pipeline) })
        else {
            if pipeline.hasPrefix("StableDiffusionXL") {
                throw DecoderError.otherFamily(file: index, family: "Stable Diffusion XL")
            }
            throw DecoderError.unsupported(
                file: index, what: "'\(pipeline)'",
                expected: Modality.allCases.map { $0.pipelines[0] }.joined(separator: ", "))
        }
        return (modality, entries)
    }

    /// What a folder's `model_index.json` says that it makes.
    ///
    /// - Throws: `ConfigError`; `DecoderError` for another kind of pipeline
    public static func modality(of folder: String) throws -> Modality { try index(of: folder).0 }

    /// The configuration of the text encoder in a folder.
    static func textEncoder(
        of modality: Modality, in folder: String
    ) throws -> TextEncoderConfig {
        let path = "\(folder)/\(DecoderComponent.textEncoder.rawValue)/config.json"
        try require(.textEncoder, path)
        return modality == .audio
            ? .clap(try ConfigFile.read(from: path)) : .clip(try ConfigFile.read(from: path))
    }

    private static func require(_ component: DecoderComponent, _ path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else {
            throw DecoderError.missingComponent(component, path: path, expected: component.files)
        }
    }

    /// Writes `model_index.json` and the configuration of every component, in folders that are
    /// made where they are missing. Weights and tokenizer files are the caller's.
    ///
    /// - Throws: `ConfigError.unwritable`
    public func write(to folder: String) throws {
        var entries: [String: IndexEntry] = ["_class_name": .text(modality.pipelines[0])]
        for component in DecoderComponent.allCases {
            guard let (library, types) = modality.classes(component) else { continue }
            let type = component == .scheduler ? scheduler.kind.rawValue : types[0]
            entries[component.rawValue] = .component(library: library, type: type)
            let path = "\(folder)/\(component.rawValue)"
            do {
                try FileManager.default.createDirectory(
                    atPath: path, withIntermediateDirectories: true)
            } catch {
                throw ConfigError.unwritable(file: path, reason: "\(error)")
            }
        }
        func write(
            _ config: some Encodable, _ component: DecoderComponent
        ) throws {
            let path = "\(folder)/\(component.rawValue)/\(component.configFile)"
            try ConfigFile.write(config, to: path)
        }
        try write(unet, .unet)
        try write(vae, .vae)
        switch textEncoder {
        case .clip(let clip): try write(clip, .textEncoder)
        case .clap(let clap): try write(clap, .textEncoder)
        }
        if let vocoder { try write(vocoder, .vocoder) }
        try write(scheduler, .scheduler)
        try ConfigFile.write(entries, to: "\(folder)/model_index.json")
    }
}

/// An entry of `model_index.json`: the pipeline's class, or a component's library and class.
private enum IndexEntry: Codable {
    case text(String)
    case component(library: String, type: String)
    case other

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let names = try? value.decode([String].self), names.count == 2 {
            self = .component(library: names[0], type: names[1])
        } else {
            self = .other  // [null, null]: absent on purpose; or a switch
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .component(let library, let type): try container.encode([library, type])
        case .other: try container.encodeNil()
        }
    }
}

extension Modality {
    /// The pipeline's classes in `model_index.json`, the first as we write it; all are made of the
    /// same components.
    fileprivate var pipelines: [String] {
        switch self {
        case .image:
            [
                "StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline",
                "StableDiffusionInpaintPipeline",
            ]
        case .audio: ["AudioLDMPipeline"]
        case .video: ["TextToVideoSDPipeline"]
        }
    }

    /// The library and classes of a component, the first as we write it; nil where there is none.
    fileprivate func classes(_ component: DecoderComponent) -> (library: String, types: [String])? {
        let isSound = self == .audio
        let tokenizer = isSound ? "RobertaTokenizer" : "CLIPTokenizer"
        return switch component {
        case .unet:
            ("diffusers", [self == .video ? "UNet3DConditionModel" : "UNet2DConditionModel"])
        case .vae: ("diffusers", ["AutoencoderKL"])
        case .vocoder: isSound ? ("transformers", ["SpeechT5HifiGan"]) : nil
        case .scheduler: ("diffusers", SchedulerKind.allCases.map(\.rawValue))
        case .tokenizer: ("transformers", [tokenizer, tokenizer + "Fast"])
        case .textEncoder:
            ("transformers", [isSound ? "ClapTextModelWithProjection" : "CLIPTextModel"])
        }
    }
}

extension DecoderComponent {
    /// The file of its folder that describes it.
    fileprivate var configFile: String {
        self == .scheduler ? "scheduler_config.json" : "config.json"
    }

    /// What its folder holds, for messages.
    fileprivate var files: String {
        switch self {
        case .unet, .vae: "config.json with diffusion_pytorch_model.safetensors or .bin"
        case .textEncoder, .vocoder: "config.json with model.safetensors or pytorch_model.bin"
        case .scheduler: "scheduler_config.json"
        case .tokenizer: "vocab.json with merges.txt"
        }
    }
}
