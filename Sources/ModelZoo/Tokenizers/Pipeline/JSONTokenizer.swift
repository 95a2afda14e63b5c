// Any tokenizer that comes as one `tokenizer.json`: LLaMA's fast one, Llama-3's, Qwen2's, CLIP's,
// RoBERTa's.
// Reference: tokenizers 0.23.

import TensorCore

/// A tokenizer as a chain of steps: added tokens are cut out, the rest is normalised, cut into
/// parts and encoded; ids go back through a decoder.
public struct JSONTokenizer: TextTokenizer {
    /// A token beyond the model's own, found in the text before anything else.
    struct Added: Sendable {
        let text: String
        let id: Int
        var isSpecial = false
        var stripsLeft = false
        var stripsRight = false
        var isSingleWord = false
        var isNormalized = false
    }

    let model: SubwordModel
    let normalizer: TextNormalizer?
    let preTokenizer: PreTokenizer?
    let decoder: TokenDecoder
    /// Ids that the post-processor puts before and after a text.
    let marks: (before: [Int], after: [Int])
    private let tokens: [String?]
    private let table: PieceTable
    private let tableIDs: [Int]
    private let specialIDs: Set<Int>
    private let raw: TokenCuts
    private let normalized: TokenCuts
    /// The id that every prompt begins with.
    public let beginID: Int?
    /// The id that ends a text.
    public let endID: Int?

    init(
        model: SubwordModel, vocabulary: [(text: String, id: Int)], added: [Added],
        normalizer: TextNormalizer?, preTokenizer: PreTokenizer?, decoder: TokenDecoder,
        marks: (before: [Int], after: [Int]), beginID: Int?, endID: Int?
    ) {
        self.model = model
        self.normalizer = normalizer
        self.preTokenizer = preTokenizer
        self.decoder = decoder
        self.marks = marks
        let all = vocabulary + added.map { ($0.text, $0.id) }
        var tokens = [String?](repeating: nil, count: (all.map(\.id).max() ?? -1) + 1)
        for (text, id) in all { tokens[id] = text }
        // A token that is found in normalised text is written as that is.
        for entry in added where entry.isNormalized {
            tokens[entry.id] = normalizer?(entry.text) ?? entry.text
        }
        self.tokens = tokens
        table = PieceTable(all.map { Array($0.text.utf8) })
        tableIDs = all.map(\.id)
        specialIDs = Set(added.filter(\.isSpecial).map(\.id))
        raw = TokenCuts(added.filter { !$0.isNormalized }) { $0 }
        normalized = TokenCuts(added.filter(\.isNormalized)) { normalizer?($0) ?? $0 }
        (self.beginID, self.endID) = (beginID, endID)
    }

    /// How many ids there are.
    public var vocabularySize: Int { tokens.count }

    /// The id of a token by its exact text.
    public func id(of token: String) -> Int? { table.find(token.utf8).map { tableIDs[$0] } }

    /// The ids of a text, without marks.
    public func encode(_ text: String) -> [Int] {
        var ids: [Int] = []
        for segment in raw.cut(Array(text.unicodeScalars)) {
            switch segment {
            case .token(let id): ids.append(id)
            case .text(let part, let isFirst):
                let plain = String(String.UnicodeScalarView(part))
                let changed = normalizer.map { Array($0(plain).unicodeScalars) } ?? part
                for segment in normalized.cut(changed) {
                    switch segment {
                    case .token(let id): ids.append(id)
                    case .text(let part, let isStart):
                        ids += encode(part, isFirst: isFirst && isStart)
                    }
                }
            }
        }
        return ids
    }

    private func encode(_ text: [Unicode.Scalar], isFirst: Bool) -> [Int] {
        let whole = PreTokenizer.Part(text: text, isFirst: isFirst)
        return (preTokenizer?([whole]) ?? [whole]).flatMap { model.encode($0.text) }
    }

    /// The ids of a text in which nothing is taken for a special or added token.
    public func encode(literal text: String, isFirst: Bool) -> [Int] {
        encode(Array((normalizer?(text) ?? text).unicodeScalars), isFirst: isFirst)
    }

    /// The ids of a text with the marks that its post-processor adds.
    public func encodeWithMarks(_ text: String) -> [Int] {
        marks.before + encode(text) + marks.after
    }

    /// The text of ids, special tokens written out.
    public func decode(_ ids: [Int]) -> String { decoder(ids.compactMap(token)) }

    /// The text of ids without special tokens.
    public func text(of ids: [Int]) -> String {
        decoder(ids.filter { !specialIDs.contains($0) }.compactMap(token))
    }

    private func token(_ id: Int) -> String? { tokens.indices.contains(id) ? tokens[id] : nil }
}

/// Added tokens, and how text is cut at them: leftmost first, there the longest.
struct TokenCuts: Sendable {
    enum Segment {
        case text([Unicode.Scalar], isFirst: Bool)
        case token(Int)
    }

    private let entries: [JSONTokenizer.Added]
    private var trie = ByteTrie()

    /// - Parameter normalize: how the text that is cut was changed before
    init(_ entries: [JSONTokenizer.Added], _ normalize: (String) -> String) {
        self.entries = entries
        for (index, entry) in entries.enumerated() {
            let key = Array(normalize(entry.text).utf8)
            if !key.isEmpty { trie.insert(key, value: index) }
        }
    }

    func cut(_ text: [Unicode.Scalar]) -> [Segment] {
        guard !trie.isEmpty else { return text.isEmpty ? [] : [.text(text, isFirst: true)] }
        var (bytes, scalarAt) = ([UInt8](), [Int]())
        for (index, scalar) in text.enumerated() {
            for byte in UTF8.encode(scalar) ?? .init() {
                bytes.append(byte)
                scalarAt.append(index)
            }
        }
        scalarAt.append(text.count)
        var segments: [Segment] = []
        var (start, place) = (0, 0)
        while place < bytes.count {
            guard let match = trie.longestMatch(bytes[place...]) else {
                place += 1
                continue
            }
            let entry = entries[match.value]
            var (left, right) = (scalarAt[place], scalarAt[place + match.length])
            let touchesWord =
                (left > 0 && CharacterSet.isWord(text[left - 1]))
                || (right < text.count && CharacterSet.isWord(text[right]))
            place += match.length
            if entry.isSingleWord, touchesWord { continue }
            if entry.stripsLeft {
                while left > start, text[left - 1].properties.isWhitespace { left -= 1 }
            }
            if entry.stripsRight {
                while right < text.count, text[right].properties.isWhitespace { right += 1 }
                while scalarAt[place] < right { place += 1 }
            }
            if left > start {
                segments.append(.text(Array(text[start..<left]), isFirst: start == 0))
            }
            segments.append(.token(entry.id))
            start = right
        }
        if start < text.count {
            segments.append(.text(Array(text[start...]), isFirst: start == 0))
        }
        return segments
    }
}
