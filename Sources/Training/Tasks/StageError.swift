public import ModelZoo

/// Why a stage cannot be trained. Each text is one line and says what to do.
public enum StageError: Error, Equatable, CustomStringConvertible {
    /// Captions that the stage trains towards have no embeddings; the first's error says more.
    case missingEmbeddings(count: Int, of: Int, first: String)
    /// A dataset has captions but the catalog names no folder of their embeddings.
    case noEmbeddingFolder(place: String)
    /// A dataset asks for media that the model has no output projection for.
    case noProjection(Modality, place: String)

    public var description: String {
        switch self {
        case .missingEmbeddings(let count, let total, let first):
            "\(count) of \(total) captions have no embedding to be trained towards. "
                + "The first: \(first)"
        case .noEmbeddingFolder(let place):
            "\(place): its caption has an embedding to be trained towards, but the dataset has "
                + "no embed_path. Add one to its entry in the catalog."
        case .noProjection(let modality, let place):
            "\(place): answers with \(modality.rawValue), which this model has no output "
                + "projection for. Leave the dataset out, or train a model that has one."
        }
    }
}
