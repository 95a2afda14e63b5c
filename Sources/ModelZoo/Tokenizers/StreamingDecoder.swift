/// Ids to text while they are generated. What it emits, joined, is
/// `decode(_:skippingSpecialTokens: true)` of the ids; it never emits half a character.
public struct StreamingDecoder: Sendable {
    private let tokenizer: LLaMATokenizer
    private var run: PieceDecoder?
    private var isFirst = true

    /// A decoder at the start of a text.
    public init(_ tokenizer: LLaMATokenizer) {
        self.tokenizer = tokenizer
    }

    /// The text that is certain after one more id; often empty inside a character of several
    /// tokens, and for special tokens.
    public mutating func append(_ id: Int) -> String {
        if tokenizer.specialIDs.contains(id) { return "" }
        if tokenizer.isAdded(id) {
            let before = finish()
            return before + separator() + (tokenizer.token(id) ?? "")
        }
        var decoder = run ?? PieceDecoder(tokenizer.model)
        let before = run == nil ? separator() : ""
        let text = decoder.append(id)
        run = decoder
        return before + text
    }

    /// The rest, once no more ids come; the bytes of an unfinished character give U+FFFD each.
    public mutating func finish() -> String {
        defer { run = nil }
        return run?.finish() ?? ""
    }

    private mutating func separator() -> String {
        defer { isFirst = false }
        return isFirst ? "" : " "
    }
}
