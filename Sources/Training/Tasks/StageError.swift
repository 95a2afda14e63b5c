public import ModelZoo
public import TensorCore

/// Why a stage cannot be trained. Each text is one line and says what to do.
public enum StageError: Error, Equatable, CustomStringConvertible {
    /// The embeddings of captions that the stage trains towards are not there.
    case missingEmbeddings(count: Int, of: Int, first: String, modality: Modality, encoder: String)
    /// A caption's embedding is of another text encoder.
    case embeddingShape(file: String, found: Shape, expected: Shape, encoder: String)
    /// A dataset has captions but the catalog names no folder of their embeddings.
    case noEmbeddingFolder(name: String)
    /// A dataset asks for media that the model has no output projection for.
    case noProjection(Modality, place: String)

    public var description: String {
        switch self {
        case .missingEmbeddings(let count, let total, let first, let modality, let encoder):
            "\(first): the caption's embedding is missing, and so are \(count) of \(total) in all. "
                + "Make them: southgpt-embed CAPTIONS.json \(modality.rawValue) "
                + "\(folder(of: first)) \(encoder)"
        case .embeddingShape(let file, let found, let expected, let encoder):
            "\(file): has shape \(found), expected \(expected). It was made with another text "
                + "encoder: remove it and run southgpt-embed with \(encoder)."
        case .noEmbeddingFolder(let name):
            "\(name): its caption has an embedding to be trained towards, but the dataset has no "
                + "embed_path. Add one to its entry in the catalog."
        case .noProjection(let modality, let place):
            "\(place): answers with \(modality.rawValue), which this model has no output "
                + "projection for. Leave the dataset out, or train a model that has one."
        }
    }

    private func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }
}
