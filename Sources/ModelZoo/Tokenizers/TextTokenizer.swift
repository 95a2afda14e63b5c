/// A tokenizer that a language model is talked to through.
public protocol TextTokenizer: Tokenizer {
    /// The id that every prompt begins with; nil where the vocabulary has none.
    var beginID: Int? { get }
    /// The id that ends a text; nil where the vocabulary has none.
    var endID: Int? { get }
    /// The id of a token by its exact text.
    func id(of token: String) -> Int?
    /// The ids of a text in which nothing is taken for a special or added token.
    ///
    /// - Parameter isFirst: whether it begins what is encoded, which some vocabularies mark
    func encode(literal text: String, isFirst: Bool) -> [Int]
    /// The text of ids without special tokens.
    func text(of ids: [Int]) -> String
}

extension LLaMATokenizer: TextTokenizer {
    /// `<s>`.
    public var beginID: Int? { bosID }
    /// `</s>`.
    public var endID: Int? { eosID }
    /// The ids of a text, each text with a leading space of its own.
    public func encode(literal text: String, isFirst: Bool) -> [Int] { model.encode(text) }
    /// The text of ids without special tokens.
    public func text(of ids: [Int]) -> String { decode(ids, skippingSpecialTokens: true) }
}

/// Ids to text while they are generated, for any tokenizer. What it emits, joined, is `text(of:)`
/// of the ids; it never emits half a character.
///
/// The text of the last tokens is compared with that of the same tokens and one more: what a
/// decoder does at the beginning of a text happens in both.
public struct TextStream: Sendable {
    private let tokenizer: any TextTokenizer
    private var ids: [Int] = []
    /// Tokens that only give the others their surroundings.
    private var known = 0
    private var shown = ""

    /// A stream at the start of a text.
    public init(_ tokenizer: any TextTokenizer) { self.tokenizer = tokenizer }

    /// The text that is certain after one more id.
    public mutating func append(_ id: Int) -> String {
        ids.append(id)
        let text = tokenizer.text(of: ids)
        // Bytes that begin a character may yet become it; so may an accent join the last letter.
        guard text.unicodeScalars.last != "\u{FFFD}" else { return "" }
        return emit(text)
    }

    /// The rest, once no more ids come.
    public mutating func finish() -> String {
        defer { (ids, known, shown) = ([], 0, "") }
        return emit(tokenizer.text(of: ids))
    }

    private mutating func emit(_ text: String) -> String {
        let new = text.unicodeScalars.dropFirst(shown.unicodeScalars.count)
        guard !new.isEmpty else { return "" }
        // The newest tokens become the surroundings of the next.
        ids.removeFirst(known)
        known = ids.count
        shown = tokenizer.text(of: ids)
        return String(new)
    }
}
