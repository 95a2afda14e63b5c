import ModelZoo

/// A reply of a language model alone in the making: its tokens are drawn, its text is shown as far
/// as it is whole, and it ends by a token, a string or a limit.
struct TextReply {
    /// What was shown so far.
    private(set) var text = ""
    /// Tokens drawn, without the one that ends it.
    private(set) var tokens = 0
    private(set) var hasEnded: Bool
    private let limit: Int
    private let ends: Set<Int>
    private let vocabularySize: Int
    private var sampler: Sampler
    private var stream: TextStream
    private var stops: StopStrings

    /// - Throws: `ModelError.invalidOption`
    init(of model: LanguageModel, _ template: ChatTemplate, _ options: GenerationOptions) throws {
        limit = try options.tokenLimit()
        hasEnded = limit == 0
        ends = model.endIDs.union(template.endTokens.compactMap(model.tokenizer.id(of:)))
        vocabularySize = model.tokenizer.vocabularySize
        sampler = Sampler(try options.sampling(from: vocabularySize))
        stream = TextStream(model.tokenizer)
        stops = StopStrings(template.stops + (options.stops ?? []))
    }

    /// Draws the next token from the scores of all; returns it where the model must read it to go
    /// on.
    ///
    /// - Parameter read: what the model has read, the prompt first
    mutating func draw(
        _ logits: [Float], after read: [Int], _ onText: (String) throws -> Void
    ) throws -> Int? {
        let id = try sampler.draw(Array(logits.prefix(vocabularySize)), forbidden: [], after: read)
        if ends.contains(id) {
            try finish(onText)
            return nil
        }
        tokens += 1
        try show(stops.append(stream.append(id)), onText)
        if stops.hasEnded {
            hasEnded = true
            return nil
        }
        if tokens == limit { try finish(onText) }
        return id
    }

    /// Shows what was held back: nothing more comes.
    private mutating func finish(_ onText: (String) throws -> Void) throws {
        hasEnded = true
        try show(stops.append(stream.finish()), onText)
        if !stops.hasEnded { try show(stops.finish(), onText) }
    }

    private mutating func show(_ piece: String, _ onText: (String) throws -> Void) throws {
        guard !piece.isEmpty else { return }
        text += piece
        try onText(piece)
    }
}
