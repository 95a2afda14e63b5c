public import TensorCore

/// A medium's embedding to one row that the language model reads between its tokens.
///
/// - Shapes: `[media, inputWidth]` → `[media, hiddenSize]`
/// - Checkpoint: `llama_proj.weight [hiddenSize, inputWidth]`, `llama_proj.bias`
public struct InputProjection: Sendable {
    private let projection: Linear

    /// Reads or draws the map.
    ///
    /// - Parameter inputWidth: what ImageBind gives; published: 1024
    /// - Throws: `CheckpointError` where the file disagrees
    public init(inputWidth: Int, hiddenSize: Int, from weights: Weights) throws {
        projection = try Linear(inputWidth, hiddenSize, from: weights["llama_proj"])
    }

    /// One row for each medium.
    public func callAsFunction(_ embeddings: Tensor) -> Tensor { projection(embeddings) }
}
