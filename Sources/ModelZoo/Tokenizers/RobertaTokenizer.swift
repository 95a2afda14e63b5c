// The tokenizer of RoBERTa, under CLAP's text encoder in AudioLDM.
// Paper: Liu et al. 2019, arXiv:1907.11692. Reference: transformers, `RobertaTokenizerFast`.

/// RoBERTa's tokenizer: byte-level BPE, case and spaces kept.
public struct RobertaTokenizer: Tokenizer {
    /// `<s>`, at the start of a sequence.
    public let startID: Int
    /// `</s>`, at its end.
    public let endID: Int
    /// `<pad>`.
    public let padID: Int
    /// The published length of a sequence, marks included: 512.
    public let maximumLength: Int

    private let engine: ByteLevelBPE
    private let unknownID: Int
    private let addsPrefixSpace: Bool
    private let cuts: AddedTokens

    /// Reads `vocab.json`, `merges.txt`, `tokenizer_config.json` and `special_tokens_map.json`.
    ///
    /// - Throws: `TokenizerError` for a missing or damaged file
    public init(folder: String) throws {
        let engine = try ByteLevelBPE(folder: folder, suffix: "")
        let settings = try TokenizerSettings(folder: folder)
        let (configured, map) = (settings.configured, settings.mapped)
        func token(
            _ key: (SpecialTokensMap) -> SpecialToken?, default text: String
        ) -> SpecialToken {
            key(map) ?? key(configured) ?? SpecialToken(text, isPlain: true)
        }
        func id(_ token: SpecialToken) throws -> Int {
            guard let id = engine.ids[token.content] else {
                throw TokenizerError.malformed(
                    file: "\(folder)/vocab.json",
                    rule: "the special token '\(token.content)' is not in it")
            }
            return id
        }
        let start = token(\.clsToken, default: "<s>")
        let end = token(\.sepToken, default: "</s>")
        let unknown = token(\.unkToken, default: "<unk>")
        let pad = token(\.padToken, default: "<pad>")
        var mask = token(\.maskToken, default: "<mask>")
        // A mask stands for a word, and takes the space before it.
        if mask.isPlain { mask.lstrip = true }
        mask.isPlain = false
        startID = try id(start)
        endID = try id(end)
        unknownID = try id(unknown)
        padID = try id(pad)
        maximumLength = settings.maximumLength ?? 512
        addsPrefixSpace = settings.addPrefixSpace
        var cuts = AddedTokens()
        cuts.add(special: [start, end, unknown, pad, mask], plainStrips: false) { engine.ids[$0] }
        self.cuts = cuts
        self.engine = engine
    }

    /// How many ids there are.
    public var vocabularySize: Int { engine.tokens.count }

    /// The ids of a text, without marks.
    public func encode(_ text: String) -> [Int] {
        let spaced = addsPrefixSpace && text.unicodeScalars.first.map { !$0.isPythonSpace } ?? false
        return cuts.cut(spaced ? " " + text : text).flatMap { segment in
            switch segment {
            case .token(let id): [id]
            case .text(let piece):
                WordSplitting.gpt2.words(piece).flatMap {
                    engine.encode($0).map { $0 ?? unknownID }
                }
            }
        }
    }

    /// `<s>`, the ids of a text, `</s>`, and padding up to `length`, with a mask that is 1 on all
    /// but the padding. A text too long loses its end, never `</s>`.
    public func encode(_ text: String, length: Int) -> (ids: [Int], mask: [Int]) {
        precondition(length >= 2, "RobertaTokenizer.encode: length \(length), expected at least 2")
        let ids = [startID] + encode(text).prefix(length - 2) + [endID]
        let padding = length - ids.count
        return (
            ids + [Int](repeating: padID, count: padding),
            [Int](repeating: 1, count: ids.count) + [Int](repeating: 0, count: padding)
        )
    }

    /// The text of ids, marks written out.
    public func decode(_ ids: [Int]) -> String { engine.decode(ids) }
}
