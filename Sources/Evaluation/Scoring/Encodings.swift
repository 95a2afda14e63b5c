import SouthGPT

/// Vectors of the encoder, each computed once.
struct Encodings {
    /// What the space is called in reports.
    static let name = "the model's encoder"
    let space: EmbeddingSpace?
    private var texts: [String: [Float]] = [:]

    init(space: EmbeddingSpace?) { self.space = space }

    /// nil where there is no encoder for it.
    mutating func embed(_ input: EmbeddingInput) throws -> [Float]? {
        guard let space else { return nil }
        guard case .text(let text) = input else { return try space.embed(input) }
        if let known = texts[text] { return known }
        let vector = try space.embed(input)
        texts[text] = vector
        return vector
    }
}
