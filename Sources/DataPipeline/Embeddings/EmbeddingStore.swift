import Glibc
public import ModelZoo
public import TensorCore

/// What a decoder takes as its condition, and so what captions are embedded to.
public struct ConditioningForm: Equatable, Sendable {
    /// The decoder, as errors name it: a hub name or a folder.
    public let decoder: String
    /// `[tokens, width]`, or `[width]` for sound.
    public let shape: Shape

    /// A form.
    public init(decoder: String, shape: Shape) {
        (self.decoder, self.shape) = (decoder, shape)
    }
}

/// The precomputed embeddings of captions, in a folder that `southgpt-embed` fills: what the output
/// projections are trained towards.
public struct EmbeddingStore: Sendable {
    /// The folder.
    public let folder: String
    private let expected: [Modality: ConditioningForm]
    private let index: EmbeddingIndex

    /// Opens a folder; one that is not there is empty, and asking it for an embedding says so.
    ///
    /// - Parameter expected: what the decoders of this run take; a modality that is not listed is
    ///   not checked
    /// - Throws: `EmbeddingError.malformedIndex`; `DatasetError` for an index that cannot be read
    public init(_ folder: String, expecting expected: [Modality: ConditioningForm] = [:]) throws {
        let folder = EmbeddingStore.withoutSlash(folder)
        (self.folder, self.expected) = (folder, expected)
        index = try EmbeddingIndex(folder: folder)
    }

    /// The embedding of a target's caption, in float32.
    ///
    /// Files that no index lists, as the original's script writes them, are found by the target's
    /// name, with or without its folders.
    ///
    /// - Shapes: `[tokens, width]`; one token for sound
    /// - Throws: `EmbeddingError` where it is missing, of another caption or another decoder, or not
    ///   finite; `CheckpointError` for a damaged file
    public func embedding(for target: CaptionTarget) throws -> Tensor {
        let (path, maker) = try file(for: target)
        let array = try Checkpoint(contentsOf: path)["array"]?.tensor()
        guard let array else {
            throw EmbeddingError.missing(
                file: path, modality: target.modality, caption: target.caption)
        }
        let value = array.cast(to: .float32).dense()
        guard let found = EmbeddingStore.rows(of: value),
            expected[target.modality].map({ EmbeddingStore.asRows($0.shape) == found.shape })
                ?? true
        else {
            let form = expected[target.modality]
            throw EmbeddingError.wrongShape(
                file: path, modality: target.modality, found: array.shape, madeBy: maker,
                expected: form?.shape ?? [77, 768], decoder: form?.decoder ?? "the decoder")
        }
        guard found.floats().allSatisfy(\.isFinite) else {
            throw EmbeddingError.notFinite(file: path, modality: target.modality)
        }
        return found
    }

    /// How long the file for a target is, in bytes; nil where there is none, or of another caption.
    public func byteCount(of target: CaptionTarget) -> Int? {
        var status = stat()
        guard let path = try? file(for: target).path, stat(path, &status) == 0 else { return nil }
        return Int(status.st_size)
    }

    private func file(for target: CaptionTarget) throws -> (path: String, maker: String?) {
        if let entry = index[target] {
            let path = "\(folder)/\(index.file(of: entry, target.name))"
            guard access(path, F_OK) == 0 else { throw missing(target, path) }
            let model = index.models[Int(entry.model)]
            // Without the fingerprint that tells two models of one name apart.
            return (path, model.split(separator: "@").first.map(String.init))
        }
        for name in ["\(target.name).npy", "\(baseName(target.name)).npy"] where isFileName(name) {
            let path = "\(folder)/\(name)"
            guard access(path, F_OK) == 0 else { continue }
            guard index.holder(of: name) == nil else {
                throw EmbeddingError.stale(
                    file: path, modality: target.modality, caption: target.caption)
            }
            return (path, nil)
        }
        throw missing(target, "\(folder)/\(EmbeddingNaming.file(of: target.name))")
    }

    private func missing(_ target: CaptionTarget, _ path: String) -> EmbeddingError {
        .missing(file: path, modality: target.modality, caption: target.caption)
    }

    /// A value as `[tokens, width]`, axes of one in front left out; nil for any other shape.
    private static func rows(of value: Tensor) -> Tensor? {
        guard let shape = asRows(value.shape) else { return nil }
        return value.reshaped(shape)
    }

    static func asRows(_ shape: Shape) -> Shape? {
        guard let width = shape.last, width > 0, shape.elementCount > 0 else { return nil }
        let tokens = shape.dropLast().last ?? 1
        return shape.elementCount == tokens * width ? [tokens, width] : nil
    }

    static func withoutSlash(_ folder: String) -> String {
        var folder = folder[...]
        while folder.count > 1, folder.hasSuffix("/") { folder = folder.dropLast() }
        return String(folder)
    }
}
