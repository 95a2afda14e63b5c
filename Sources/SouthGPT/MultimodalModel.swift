import FoundationEssentials
public import Dialogue
import Diffusion
package import ModelZoo
public import TensorCore

/// The assembled any-to-any model: text, images, sounds and clips in; the same out.
///
/// ImageBind encodes media, the input projection makes each a row of the language model's input,
/// LLaMA reads and writes, the output projections turn spans of signal tokens into conditioning,
/// and three decoders make the media. Weights stay in their files until they are touched.
public struct MultimodalModel: Sendable {
    /// Where it came from.
    public let folder: ModelFolder
    /// How dialogues become token ids.
    public let layout: SequenceLayout

    let encoder: ImageBind
    let inputProjection: InputProjection
    let languageModel: LLaMA
    /// What all sessions with this model have their tokens computed by.
    package let passes: SharedPasses
    /// Who makes a medium: one at a time, for each takes much memory.
    let studio = ComputeTurns()
    let outputProjections: [Modality: OutputProjection]
    private let projectionFiles: [Modality: String]
    let decoders: DecoderShelf
    let device: Device
    /// Where parts are accounted for when they open, and passes before they begin.
    let memory: MemoryBudget

    /// Opens a model folder and checks every part of it but the decoders, which are checked when
    /// a request may need them.
    ///
    /// - Throws: `ModelError`, `CheckpointError`, `ConfigError`, `TokenizerError`
    public init(_ path: String, device: Device = .cpu, memory: MemoryBudget = MemoryBudget())
        throws
    {
        let folder = try ModelFolder(path)
        let delta = try folder.manifest.components["delta"].map { _ in
            try Delta(folder.path(of: "delta"))
        }
        let tokens = folder.manifest.signalTokens ?? SignalTokens()
        let tokenizer = try LLaMATokenizer(folder: folder.path(of: "tokenizer"))
            .adding(tokens.allNames)
        let llm = try LanguageModelParts(
            folder.path(of: "llm"), delta, tokenizer, device: device, memory: memory)
        let encoder = try ImageBind.open(folder.path(of: "encoder"), device: device, memory: memory)
        let projections = try Projections(
            folder, delta, inputWidth: encoder.config.embeddingWidth,
            hiddenSize: llm.model.config.hiddenSize, tokens: tokens, device: device)
        self.folder = folder
        self.device = device
        self.memory = memory
        self.encoder = encoder
        layout = try SequenceLayout(tokenizer, tokens)
        languageModel = llm.model
        passes = SharedPasses(llm.model)
        inputProjection = projections.input
        (outputProjections, projectionFiles) = (projections.outputs, projections.files)
        decoders = DecoderShelf(folder, device: device, memory: memory)
    }

    /// Checks that a decoder takes what the output projection of its modality gives.
    ///
    /// - Throws: `ModelError.otherConditions`
    func checkConditioning(of decoder: MediaDecoder) throws {
        let modality = decoder.modality
        guard let given = outputProjections[modality]?.config else { return }
        // Sounds are made of one vector, so that the projection's one row is squeezed.
        let isVector = modality == .audio && given.outputTokens == 1
        let shape: Shape = [given.outputTokens, given.outputWidth]
        guard !decoder.config.takes(isVector ? [given.outputWidth] : shape) else { return }
        let own = decoder.config.conditioningShape
        throw ModelError.otherConditions(
            projection: "\(OutputProjection.name(of: modality)) of "
                + (projectionFiles[modality] ?? "no file"),
            decoder: try folder.path(of: "decoder.\(modality.rawValue)"), found: shape,
            expected: own.count > 1 ? own : [1] + own)
    }

    /// Rows of the vocabulary: `[tokens, hidden]`.
    func embeddings(of ids: [Int]) -> Tensor {
        languageModel.embedTokens(Tensor(ids.map(Int32.init), device: device))
    }

    /// One medium as the language model's input row, `[1, hidden]`.
    ///
    /// - Throws: `MemoryError` before anything is computed
    func row(of input: Tensor, _ modality: Modality) throws -> Tensor {
        let bytes = try encoder.bytesNeeded(toEmbed: input.shape, modality)
        return try decoders.makingRoom {
            try memory.reserving(bytes, for: "Reading a medium (\(modality.rawValue))") {
                inputProjection(encoder.embed(input.on(device), modality))
            }
        }
    }
}

extension ImageBind {
    /// Opens a folder with a `.pth` or safetensors file and perhaps our `config.json`; without one
    /// it is the published `huge`.
    package static func open(
        _ path: String, device: Device, memory: MemoryBudget
    ) throws -> ImageBind {
        let config = try EncoderFolder.config(path) ?? .huge
        let checkpoint = try EncoderFolder.checkpoint(path)
        try memory.reserve(checkpoint.byteCount, for: "ImageBind", mapped: true)
        let weights = Weights(checkpoint, device: device)
        let encoder = try ImageBind(config, from: weights)
        try weights.finish(unused: ImageBind.unusedTensors)
        return encoder
    }
}
