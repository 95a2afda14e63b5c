public import ModelZoo

/// How ImageBind's towers are trained.
public struct ImageBindRecipe: Codable, Equatable, Sendable {
    /// The folder of towers to go on from; those that it lacks are drawn. Nil starts fresh ones.
    public var from: String?
    /// The sizes of fresh ones, the text tower's among them; its `vocabulary_size` is that of the
    /// vocabulary to make.
    public var config: ImageBindConfig?
    /// The folder of a vocabulary, CLIP's or one laid out like it; nil takes the one that lies with
    /// the towers of `from`, and makes one from the texts for a fresh text tower.
    public var tokenizer: String?
    /// Whether the factor of the cosines with texts is learnt, or stays as it starts.
    public var learnsScale: Bool
    /// Whether the tower of texts moves; nil lets it. While media do not show yet what captions say,
    /// captions that move draw together, and media have nothing left to learn from.
    public var trainsText: Bool?
    /// The standard deviations that positions are drawn anew with, by tower: `vision` for images and
    /// clips, `audio`. Those of a tower that is not named stay as they are. Published ones start at
    /// 0.02, from which small towers are slow to learn where something is, or when.
    public var positionDeviation: [String: Float]?

    /// A recipe.
    public init(
        from: String? = nil, config: ImageBindConfig? = nil, tokenizer: String? = nil,
        learnsScale: Bool = true, trainsText: Bool? = nil, positionDeviation: [String: Float]? = nil
    ) {
        (self.from, self.config, self.tokenizer) = (from, config, tokenizer)
        (self.learnsScale, self.trainsText) = (learnsScale, trainsText)
        self.positionDeviation = positionDeviation
    }
}
