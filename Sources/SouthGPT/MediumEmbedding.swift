import FoundationEssentials
import ModelZoo
import TensorCore

/// Something to be placed in ImageBind's space.
public enum EmbeddingInput: Sendable, Equatable {
    case text(String)
    case medium(MediumFile)
}

extension MultimodalModel {
    /// A unit vector for each input, texts and media in one space.
    ///
    /// - Throws: `MediaError`, `MemoryError`; `ModelError.malformed` for a text where the encoder's
    ///   folder has no text tower
    public func embeddings(of inputs: [EmbeddingInput]) throws -> [[Float]] {
        let texts = inputs.contains { if case .text = $0 { true } else { false } }
        let tower = texts ? try TextTower(folder.path(of: "encoder")) : nil
        return try inputs.map { input in
            let vector: Tensor
            switch input {
            case .text(let text):
                guard let tower else { preconditionFailure("no text tower for '\(text)'") }
                vector = tower.embed(text)
            case .medium(let file):
                let input = try encoderInput(file).on(device)
                vector = try memory.reserving(
                    try encoder.bytesNeeded(toEmbed: input.shape, file.modality),
                    for: "Reading a medium (\(file.modality.rawValue))"
                ) { encoder.embed(input, file.modality).normalized() }
            }
            return vector.on(.cpu).floats()
        }
    }
}

/// The encoder's tower of texts with its vocabulary, which only embeddings need.
private struct TextTower {
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
