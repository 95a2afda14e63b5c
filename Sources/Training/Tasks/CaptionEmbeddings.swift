import DataPipeline
import FoundationEssentials
import ModelZoo
import TensorCore

/// The embeddings of captions that a stage trains towards, one `.npy` file each.
struct CaptionEmbeddings: Sendable {
    /// What a file of each modality holds: `[tokens, width]`.
    let shapes: [Modality: Shape]
    /// The decoders whose text encoders make them, by the names they are published under.
    let encoders: [Modality: String]

    /// The file of a target.
    ///
    /// - Throws: `StageError.noEmbeddingFolder`
    func file(_ target: CaptionTarget, in folder: String?) throws -> String {
        guard let folder else { throw StageError.noEmbeddingFolder(name: target.name) }
        return "\(folder)\(folder.hasSuffix("/") ? "" : "/")\(target.name).npy"
    }

    /// The embedding in a file, `float32 [tokens, width]`.
    ///
    /// - Throws: `StageError`, `CheckpointError`
    func read(_ file: String, _ modality: Modality) throws -> Tensor {
        let stored = try checked(file, modality)
        return try stored.tensor().cast(to: .float32).reshaped(shapes[modality] ?? stored.shape)
    }

    /// Looks at a file's header alone.
    @discardableResult
    func checked(_ file: String, _ modality: Modality) throws -> StoredTensor {
        let encoder = encoders[modality] ?? "its text encoder"
        guard FileManager.default.fileExists(atPath: file) else {
            throw StageError.missingEmbeddings(
                count: 1, of: 1, first: file, modality: modality, encoder: encoder)
        }
        let checkpoint = try Checkpoint(contentsOf: file)
        guard let stored = checkpoint.tensors.first, let expected = shapes[modality] else {
            throw StageError.noProjection(modality, place: file)
        }
        // One vector is a file of one axis, and some tools leave an axis of one in front.
        guard stored.shape.filter({ $0 != 1 }) == expected.filter({ $0 != 1 }) else {
            throw StageError.embeddingShape(
                file: file, found: stored.shape, expected: expected, encoder: encoder)
        }
        return stored
    }

    /// Looks for the files of every target of some datasets, before anything is trained.
    ///
    /// - Throws: `StageError`: for what is of another shape at once, for what is missing with how
    ///   many
    func check(_ datasets: [DialogueDataset]) throws {
        var (total, missing) = (0, 0)
        var first: (file: String, modality: Modality)?
        for dataset in datasets
        where dataset.entry.type.output != nil
            || dataset.entry.type == .anyToAny
        {
            for index in 0..<dataset.count {
                // A record that cannot be used is the loader's matter.
                guard let sample = try? dataset.sample(index) else { continue }
                for target in sample.targets {
                    let file = try file(target, in: sample.embeddings)
                    total += 1
                    if FileManager.default.fileExists(atPath: file) {
                        try checked(file, target.modality)
                    } else {
                        missing += 1
                        first = first ?? (file, target.modality)
                    }
                }
            }
        }
        if let (file, modality) = first {
            throw StageError.missingEmbeddings(
                count: missing, of: total, first: file, modality: modality,
                encoder: encoders[modality] ?? "its text encoder")
        }
    }
}
