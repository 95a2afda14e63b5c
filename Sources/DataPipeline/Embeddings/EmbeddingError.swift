public import ModelZoo
public import TensorCore

/// Why a caption's embedding cannot be used or made. Each text names the file, what was found, what
/// was expected and what to do.
public enum EmbeddingError: Error, Equatable {
    /// There is none for a caption.
    case missing(file: String, modality: Modality, caption: String)
    /// There is one under the name, but of another caption.
    case stale(file: String, modality: Modality, caption: String)
    /// It is not of the shape that the decoder takes.
    case wrongShape(
        file: String, modality: Modality, found: Shape, madeBy: String?, expected: Shape,
        decoder: String)
    /// A file that another program wrote stands in the way, of a shape for another decoder.
    case foreign(file: String, modality: Modality, found: Shape, expected: Shape)
    /// It holds infinities or worse.
    case notFinite(file: String, modality: Modality)
    /// The index of the folder is damaged.
    case malformedIndex(file: String, line: Int, found: String)
    /// No record of the file asks for the modality.
    case nothingToEmbed(file: String, modality: Modality, others: [Modality: Int])
    /// What is to be written does not fit on the disk.
    case noRoom(folder: String, needed: Int, free: Int)
}

extension EmbeddingError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missing(let file, let modality, let caption):
            "\(file): there is no embedding of the caption '\(excerpt(caption))', expected one. "
                + EmbeddingError.mend(file, modality)
        case .stale(let file, let modality, let caption):
            "\(file): the embedding is of another caption, expected that of "
                + "'\(excerpt(caption))'. " + EmbeddingError.mend(file, modality)
        case .wrongShape(let file, let modality, let found, let maker, let expected, let decoder):
            "\(file): an embedding of shape \(found)\(maker.map { ", made by '\($0)'" } ?? ""), "
                + "expected \(expected), which '\(decoder)' takes. "
                + EmbeddingError.mend(file, modality, model: decoder)
        case .foreign(let file, let modality, let found, let expected):
            "\(file): an embedding of shape \(found) that another program wrote, expected "
                + "\(expected) for this \(modality.rawValue) decoder. Name another folder, or "
                + "replace such files with --replace."
        case .notFinite(let file, let modality):
            "\(file): holds numbers that are not finite, expected none. Remove the file, then: "
                + EmbeddingError.command(file, modality, model: "MODEL")
        case .malformedIndex(let file, let line, let found):
            "\(file):\(line): found \(found), expected six fields between tabs. "
                + "Remove the line; what it names is then made again."
        case .nothingToEmbed(let file, let modality, let others):
            "\(file): found no caption for \(modality.rawValue), expected some"
                + (others.isEmpty
                    ? ". Does it have captions, and names to file their embeddings under?"
                    : "; it has "
                        + others.sorted { $0.key.rawValue < $1.key.rawValue }
                        .map { "\($0.value) for \($0.key.rawValue)" }.joined(separator: ", ")
                        + ". Name that modality, and the decoder for it.")
        case .noRoom(let folder, let needed, let free):
            "\(folder): found room for \(free >> 20) MiB, expected \(needed >> 20) MiB or more "
                + "for the embeddings. Name a folder on a larger disk."
        }
    }

    private static func mend(
        _ file: String, _ modality: Modality, model: String = "MODEL"
    ) -> String {
        "Make it: \(command(file, modality, model: model))"
    }

    private static func command(_ file: String, _ modality: Modality, model: String) -> String {
        let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            .joined(separator: "/")
        return "southgpt-embed CAPTIONS \(modality.rawValue) \(folder) \(model)"
    }
}
