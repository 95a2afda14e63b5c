import FoundationEssentials
import MediaIO
import ModelZoo
package import TensorCore

/// Something to be placed in ImageBind's space.
public enum EmbeddingInput: Sendable, Equatable {
    case text(String)
    case medium(MediumFile)
}

extension MultimodalModel {
    /// A unit vector for each input, texts and media in one space.
    ///
    /// - Parameter onInput: called before each; what it throws ends the work
    /// - Throws: `MediaError`, `MemoryError`; `ModelError.malformed` for a text where the encoder's
    ///   folder has no text tower
    public func embeddings(
        of inputs: [EmbeddingInput], onInput: () throws -> Void = {}
    ) throws -> [[Float]] {
        let texts = inputs.contains { if case .text = $0 { true } else { false } }
        let space = try embeddingSpace(withTexts: texts)
        return try inputs.map { input in
            try onInput()
            return try decoders.makingRoom { try space.embed(input) }
        }
    }

    /// The encoder alone.
    ///
    /// - Throws: `ModelError.malformed` where texts are wanted and the folder has no tower of them
    package func embeddingSpace(withTexts: Bool = true) throws -> EmbeddingSpace {
        let tower = withTexts ? try TextTower(folder.path(of: "encoder")) : nil
        return EmbeddingSpace(encoder: encoder, tower: tower, device: device, memory: memory)
    }
}

/// ImageBind's towers, where media and texts meet.
package struct EmbeddingSpace: Sendable {
    private let encoder: ImageBind
    private let tower: TextTower?
    private let device: Device
    private let memory: MemoryBudget

    fileprivate init(
        encoder: ImageBind, tower: TextTower?, device: Device, memory: MemoryBudget
    ) {
        (self.encoder, self.tower) = (encoder, tower)
        (self.device, self.memory) = (device, memory)
    }

    /// Opens a folder of the encoder's, with its text tower.
    ///
    /// - Throws: `ModelError`, `CheckpointError`, `ConfigError`, `TokenizerError`
    package init(
        folder: String, device: Device = .cpu, memory: MemoryBudget = MemoryBudget()
    ) throws {
        self.init(
            encoder: try ImageBind.open(folder, device: device, memory: memory),
            tower: try TextTower(folder), device: device, memory: memory)
    }

    /// Whether a folder is the encoder's alone: towers with a vocabulary of texts, and no model
    /// around them.
    package static func isAlone(at path: String) -> Bool {
        func isThere(_ name: String) -> Bool {
            FileManager.default.fileExists(atPath: "\(path)/\(name)")
        }
        guard isThere("vocab.json"), !isThere(ModelManifest.fileName),
            let config = try? EncoderFolder.config(path)
        else { return false }
        return config.text != nil
    }

    /// A unit vector.
    ///
    /// - Throws: `MediaError`, `MemoryError`
    package func embed(_ input: EmbeddingInput) throws -> [Float] {
        switch input {
        case .text(let text):
            guard let tower else { preconditionFailure("no text tower for '\(text)'") }
            return tower.embed(text).on(.cpu).floats()
        case .medium(let file):
            let input = try encoder.config.input(file.path, file.modality, orientation: .shown)
                .unsqueezed(0).on(device)
            return try memory.reserving(
                try encoder.bytesNeeded(toEmbed: input.shape, file.modality),
                for: "Reading a medium (\(file.modality.rawValue))"
            ) { encoder.embed(input, file.modality).normalized() }.on(.cpu).floats()
        }
    }
}

/// The encoder's tower of texts with its vocabulary, which only embeddings need.
private struct TextTower: Sendable {
    private let tower: ImageBindText
    private let tokenizer: CLIPTokenizer

    init(_ folder: String) throws {
        guard let config = try EncoderFolder.config(folder), let text = config.text,
            FileManager.default.fileExists(atPath: "\(folder)/vocab.json")
        else {
            throw ModelError.malformed(
                file: folder,
                reason:
                    "the encoder has no text tower with config.json, vocab.json and merges.txt, so "
                    + "that texts cannot be placed among media.")
        }
        tokenizer = try CLIPTokenizer(folder: folder)
        let weights = Weights(try EncoderFolder.checkpoint(folder))
        tower = try ImageBindText(text, embeddingWidth: config.embeddingWidth, from: weights)
        try weights.finish(unused: ImageBindText.unusedTensors + ["modality_*.text.*"])
    }

    /// A unit vector, `[1, embeddingWidth]`.
    func embed(_ text: String) -> Tensor {
        let length = tower.config.contextLength
        let ids = tokenizer.encode(text, length: length)
        // Zeros after the end mark, which is the largest id.
        let end = ids.firstIndex(of: ids.max() ?? 0) ?? 0
        return tower.embed(
            Tensor(ids.indices.map { $0 <= end ? Int32(ids[$0]) : 0 }, [1, length]))
    }
}
