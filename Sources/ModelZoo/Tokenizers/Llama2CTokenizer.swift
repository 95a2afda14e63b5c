// The tokenizer of llama2.c: SentencePiece's pieces and scores in a file of its own.
// Source: karpathy/llama2.c, `run.c` and `tokenizer.py`.

/// llama2.c's `tokenizer.bin`.
public struct Llama2CTokenizer: TextTokenizer {
    let pieces: [[UInt8]]
    let scores: [Float]
    private let table: PieceTable
    /// 0 for the highest score; equal scores rank equal.
    private let ranks: [Int32]

    /// Reads a file.
    ///
    /// - Throws: `TokenizerError`
    public init(contentsOf path: String) throws {
        let bytes = try TokenizerFiles.bytes(path)
        var (pieces, scores) = ([[UInt8]](), [Float]())
        var place = 4
        func word(_ place: Int) -> UInt32 {
            bytes[place..<(place + 4)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        while place < bytes.count {
            guard bytes.count - place >= 8 else { break }
            let (score, length) = (Float(bitPattern: word(place)), Int(word(place + 4)))
            guard score.isFinite, length <= bytes.count - place - 8 else { break }
            pieces.append(Array(bytes[(place + 8)..<(place + 8 + length)]))
            scores.append(score)
            place += 8 + length
        }
        guard place == bytes.count, pieces.count > 259 else {
            throw TokenizerError.malformed(file: path, rule: "it is no tokenizer.bin of llama2.c")
        }
        self.pieces = pieces
        self.scores = scores
        table = PieceTable(pieces)
        let order = Set(scores).sorted(by: >)
        let places = Dictionary(
            zip(order, order.indices.map { Int32($0) }), uniquingKeysWith: { first, _ in first })
        ranks = scores.map { places[$0] ?? 0 }
    }

    /// How many ids there are.
    public var vocabularySize: Int { pieces.count }
    /// `<s>`.
    public var beginID: Int? { 1 }
    /// `</s>`.
    public var endID: Int? { 2 }

    /// The id of a token by its exact text.
    public func id(of token: String) -> Int? { table.find(token.utf8) }

    /// The ids of a text, without `<s>` in front.
    public func encode(_ text: String) -> [Int] {
        guard !text.isEmpty else { return [] }
        var symbols = [table.find([0x20])].compactMap { $0 }
        for scalar in text.unicodeScalars {
            let character = Array(UTF8.encode(scalar) ?? .init())
            if let id = table.find(character) {
                symbols.append(id)
            } else {
                symbols += character.map { Int($0) + 3 }
            }
        }
        return mergePairs(symbols, rounds: false) { left, right in
            table.find(pieces[left] + pieces[right]).map { (ranks[$0], $0) }
        }
    }

    /// The ids of a text: no token of this vocabulary is special.
    public func encode(literal text: String, isFirst: Bool) -> [Int] { encode(text) }

    /// The text of ids; marks give nothing.
    public func decode(_ ids: [Int]) -> String {
        var (bytes, isFirst) = ([UInt8](), true)
        for id in ids where pieces.indices.contains(id) && !(1...2).contains(id) {
            if (3..<259).contains(id) {
                bytes.append(UInt8(id - 3))
            } else {
                bytes += pieces[id].dropFirst(isFirst && pieces[id].first == 0x20 ? 1 : 0)
            }
            isFirst = false
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The text of ids without special tokens.
    public func text(of ids: [Int]) -> String { decode(ids) }
}
