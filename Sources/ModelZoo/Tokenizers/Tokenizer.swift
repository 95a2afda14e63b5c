/// Text to token ids and back.
///
/// `encode` gives the ids of the text alone: sequence marks such as `<s>` are the caller's, except
/// where the text itself spells them out. `decode` gives nothing for an id outside the vocabulary.
public protocol Tokenizer: Sendable {
    /// The ids of a text, without beginning or end marks.
    func encode(_ text: String) -> [Int]
    /// The text of ids.
    func decode(_ ids: [Int]) -> String
    /// How many ids there are: one more than the largest, added tokens included.
    var vocabularySize: Int { get }
}
