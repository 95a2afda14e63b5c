import DataPipeline
import ModelZoo
import Synchronization
import TensorCore

/// The embeddings of captions that a stage trains towards, in the folders of its datasets.
final class CaptionEmbeddings: Sendable {
    /// What the model's projections make, and so what a file must hold.
    private let expected: [Modality: ConditioningForm]
    private let stores = Mutex<[String: EmbeddingStore]>([:])

    init(expecting expected: [Modality: ConditioningForm]) { self.expected = expected }

    /// The embedding of a target of a sample, `float32 [tokens, width]`.
    ///
    /// - Throws: `StageError`, `EmbeddingError`, `DatasetError`, `CheckpointError`
    func embedding(of target: CaptionTarget, in sample: DialogueSample) throws -> Tensor {
        try store(of: target, in: sample).embedding(for: target)
    }

    private func store(
        of target: CaptionTarget, in sample: DialogueSample
    ) throws -> EmbeddingStore {
        guard expected[target.modality] != nil else {
            throw StageError.noProjection(target.modality, place: "\(sample.place)")
        }
        guard let folder = sample.embeddings else {
            throw StageError.noEmbeddingFolder(place: "\(sample.place)")
        }
        return try stores.withLock { stores in
            if let store = stores[folder] { return store }
            let store = try EmbeddingStore(folder, expecting: expected)
            stores[folder] = store
            return store
        }
    }

    /// How many embeddings of a dataset are read whole before training, and with them all that are
    /// longer or shorter. The others are as long as one that was sound, and so of its shape.
    private static var readBefore: Int { 16 }

    /// Looks for the embedding of every caption of some datasets, before anything is trained.
    ///
    /// - Throws: `StageError`, `EmbeddingError`, `CheckpointError`
    func check(_ datasets: [DialogueDataset]) throws {
        var (total, missing) = (0, 0)
        var reason: String?
        for dataset in datasets {
            var read = 0
            var sound: Set<Int> = []
            for index in 0..<dataset.count {
                // A record that cannot be used is the loader's matter.
                guard let sample = try? dataset.sample(index) else { continue }
                for target in sample.targets {
                    total += 1
                    let store = try store(of: target, in: sample)
                    guard let bytes = store.byteCount(of: target) else {
                        missing += 1
                        if reason == nil {
                            do {
                                _ = try store.embedding(for: target)
                            } catch {
                                reason = "\(error)"
                            }
                        }
                        continue
                    }
                    if read < CaptionEmbeddings.readBefore || !sound.contains(bytes) {
                        _ = try store.embedding(for: target)
                        sound.insert(bytes)
                        read += 1
                    }
                }
            }
        }
        if let reason {
            throw StageError.missingEmbeddings(count: missing, of: total, first: reason)
        }
    }
}
