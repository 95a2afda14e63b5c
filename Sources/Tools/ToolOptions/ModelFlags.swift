public import ArgumentParser
import MelodyMini
import ModelZoo
public import SouthGPT
public import TensorCore

/// Which model, and how much memory it may take.
public struct ModelFlags: ParsableArguments {
    @Option(
        name: [.long, .customLong("southgpt_ckpt_path")],
        help: ArgumentHelp(
            "The model folder, with southgpt.json, the README's ckpt/, or a delta in it; MelodyMini where "
                + "absent. southgpt-infer also takes a language model alone (a LLaMA folder or a GGUF file) "
                + "and a decoder alone (a folder of diffusers, or Stable Diffusion 1.x in one file). "
                + "Names as on the hub are looked for in ckpt/, SOUTHGPT_CKPT and the hub's cache.",
            valueName: "path"))
    public var model: String?

    @Option(
        name: [.long, .customLong("max_memory")],
        help: ArgumentHelp(
            "Memory for the weights at most, in MiB; a model that needs more is refused.",
            valueName: "MiB"))
    public var maxMemory: Int?

    /// The options as ArgumentParser makes them.
    public init() {}

    /// Opens the model.
    public func open() throws -> MultimodalModel {
        try MultimodalModel(
            try path ?? MelodyMini.folder(),
            memory: budget)
    }

    /// Where memory is accounted for.
    public var budget: MemoryBudget { MemoryBudget(limit: maxMemory.map { $0 << 20 }) }

    /// Where the model that was named lies; nil where none was.
    public var path: String? {
        get throws { try model.map(ModelLookup().model) }
    }

    /// The path, where it is that of a decoder alone.
    public var decoderAlone: String? {
        get throws { try path.flatMap { DecoderModel.isAlone(at: $0) ? $0 : nil } }
    }

    /// The path, where it is that of a language model alone.
    public var languageModelAlone: String? {
        get throws { try path.flatMap { LanguageModel.isAlone(at: $0) ? $0 : nil } }
    }
}

/// The media of a request, in the order of the command line.
public struct MediaFlags: ParsableArguments {
    @Option(
        name: .customLong("image"),
        help: ArgumentHelp("A JPEG or PNG to show the model; repeatable.", valueName: "file"),
        transform: { MediumFile(.image, $0) })
    var images: [MediumFile] = []

    @Option(
        name: .customLong("audio"),
        help: ArgumentHelp("A WAV, FLAC or OGG to play it; repeatable.", valueName: "file"),
        transform: { MediumFile(.audio, $0) })
    var sounds: [MediumFile] = []

    @Option(
        name: .customLong("video"),
        help: ArgumentHelp("An MP4, MOV or WebM to show it; repeatable.", valueName: "file"),
        transform: { MediumFile(.video, $0) })
    var clips: [MediumFile] = []

    /// The options as ArgumentParser makes them.
    public init() {}

    /// All files, in the order in which they were given.
    public var files: [MediumFile] {
        let named = Dictionary(grouping: images + sounds + clips, by: \.modality)
        var rest = named.mapValues { $0[...] }
        let order = CommandLine.arguments.compactMap { argument in
            Modality.allCases.first {
                argument == "--\($0.rawValue)" || argument.hasPrefix("--\($0.rawValue)=")
            }
        }
        return order.compactMap { rest[$0]?.popFirst() }
    }
}
