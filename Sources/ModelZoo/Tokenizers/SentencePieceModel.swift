// SentencePiece, models of byte pairs and of single pieces' probabilities: the file `tokenizer.model` of LLaMA and Vicuna.
// Paper: Kudo & Richardson 2018, arXiv:1808.06226. Reference: google/sentencepiece 0.2.

/// A SentencePiece model of type BPE or unigram, as its file holds it.
public struct SentencePieceModel: Sendable {
    /// What a piece is for.
    public enum Kind: Int, Sendable {
        /// Merged from the text.
        case normal = 1
        /// What stands for text that no piece covers.
        case unknown = 2
        /// A mark such as `<s>`, never matched in text, decoded to nothing.
        case control = 3
        /// Matched before all merging, and never merged further.
        case userDefined = 4
        /// Merged through, but split again where it remains.
        case unused = 5
        /// One byte of a character that no piece covers, written `<0x0A>`.
        case byte = 6
    }

    /// One entry of the vocabulary; its id is its place.
    public struct Piece: Equatable, Sendable {
        /// Its text, with `▁` for a space.
        public let text: String
        /// Higher merges first.
        public let score: Float
        /// What it is for.
        public let kind: Kind

        /// A piece as given.
        public init(_ text: String, score: Float = 0, kind: Kind = .normal) {
            self.text = text
            self.score = score
            self.kind = kind
        }
    }

    /// The vocabulary.
    public let pieces: [Piece]

    let file: String
    let trainerSpec: ProtobufMessage
    let normalizerSpec: ProtobufMessage
    private let others: ProtobufMessage

    let addsDummyPrefix: Bool
    let removesExtraWhitespaces: Bool
    let escapesWhitespaces: Bool
    let unknownSurface: String

    let unknownID: Int
    /// The id of each byte's piece; empty without byte fallback.
    let byteIDs: [Int]
    let byteOfID: [Int: UInt8]

    /// Every matchable piece by its bytes, giving a place in `matchable`.
    let table: PieceTable
    let matchable: [Matchable]
    let userDefined: ByteTrie
    let hasUnusedPieces: Bool
    /// The pieces by probability, in models of that type.
    let unigram: UnigramVocabulary?
    /// What is replaced before anything else; nil for nothing.
    let characterMap: CharacterMap?
    /// Every piece by its text, for lookups by name.
    private let allPieces: PieceTable

    struct Matchable: Sendable {
        let id: Int
        /// 0 for the highest score; equal scores rank equal.
        let rank: Int32
        let kind: Kind
    }

    /// Reads a model file.
    ///
    /// - Throws: `TokenizerError` for a file that is no model, breaks a rule of the format, or is
    ///   of another type than BPE and unigram
    public init(contentsOf path: String) throws {
        try self.init(bytes: TokenizerFiles.bytes(path), file: path)
    }

    /// Reads a model from its bytes; `file` is what errors call it.
    public init(bytes: [UInt8], file: String) throws {
        let message = try ProtobufMessage(bytes[...], file: file)
        var pieces: [Piece] = []
        var others = ProtobufMessage()
        for field in message.fields {
            switch (field.number, field.value) {
            case (1, .bytes(let bytes)):
                pieces.append(try Self.piece(bytes, id: pieces.count, file: file))
            case (2, .bytes), (3, .bytes): break
            default: others.fields.append(field)
            }
        }
        try self.init(
            pieces: pieces,
            trainerSpec: ProtobufMessage((message.bytes(2) ?? [])[...], file: file),
            normalizerSpec: ProtobufMessage((message.bytes(3) ?? [])[...], file: file),
            others: others, file: file)
    }

    init(
        pieces: [Piece], trainerSpec: ProtobufMessage, normalizerSpec: ProtobufMessage,
        others: ProtobufMessage = ProtobufMessage(), file: String
    ) throws {
        func malformed(_ rule: String) -> TokenizerError { .malformed(file: file, rule: rule) }
        func unsupported(_ what: String) -> TokenizerError {
            .unsupported(
                file: file, what: what, mend: "Models of type BPE and unigram are; is it another's?"
            )
        }
        guard !pieces.isEmpty else { throw malformed("no pieces; is it a SentencePiece model?") }
        for (id, piece) in pieces.enumerated()
        where piece.text.utf8.count > TokenizerFiles.longestToken {
            throw malformed(TokenizerFiles.tooLong(token: id, piece.text))
        }
        // A file that ends before its trainer's word is cut short, not a unigram model.
        let type = trainerSpec.int(3, default: trainerSpec.fields.isEmpty ? 0 : 1)
        guard (1...2).contains(type) else { throw unsupported("SentencePiece model type \(type)") }
        let map = normalizerSpec.bytes(2) ?? []
        characterMap = CharacterMap(map)
        guard map.isEmpty || characterMap != nil else {
            throw malformed("the normalizer's character map cannot be read")
        }
        guard !trainerSpec.bool(24, default: false) else {
            throw unsupported("white space as suffix")
        }
        self.pieces = pieces
        self.file = file
        self.trainerSpec = trainerSpec
        self.normalizerSpec = normalizerSpec
        self.others = others
        addsDummyPrefix = normalizerSpec.bool(3, default: true)
        removesExtraWhitespaces = normalizerSpec.bool(4, default: true)
        escapesWhitespaces = normalizerSpec.bool(5, default: true)
        unknownSurface =
            trainerSpec.bytes(44).map { String(decoding: $0, as: UTF8.self) } ?? " \u{2047} "

        let unknown = pieces.indices.filter { pieces[$0].kind == .unknown }
        guard unknown.count == 1 else {
            throw malformed("\(unknown.count) unknown pieces, expected one")
        }
        unknownID = unknown[0]

        let keys = pieces.map { Array($0.text.utf8) }
        allPieces = PieceTable(keys)
        for (id, key) in keys.enumerated() where allPieces.find(key) != id {
            throw malformed("piece '\(pieces[id].text)' occurs twice")
        }

        var byteOfID: [Int: UInt8] = [:]
        for (id, piece) in pieces.enumerated() where piece.kind == .byte {
            guard let value = Self.byteValue(piece.text) else {
                throw malformed("byte piece '\(piece.text)', expected such as '<0x0A>'")
            }
            byteOfID[id] = value
        }
        self.byteOfID = byteOfID
        if trainerSpec.bool(35, default: false) {
            guard byteOfID.count == 256 else {
                throw malformed("\(byteOfID.count) byte pieces, expected 256 for byte fallback")
            }
            byteIDs = byteOfID.sorted { $0.value < $1.value }.map(\.key)
        } else {
            byteIDs = []
        }

        let candidates = pieces.indices.filter {
            [.normal, .userDefined, .unused].contains(pieces[$0].kind)
        }
        let scores = Set(candidates.map { pieces[$0].score }).sorted(by: >)
        let ranks = Dictionary(
            zip(scores, scores.indices.map { Int32($0) }), uniquingKeysWith: { first, _ in first })
        matchable = candidates.map {
            Matchable(id: $0, rank: ranks[pieces[$0].score] ?? 0, kind: pieces[$0].kind)
        }
        table = PieceTable(candidates.map { keys[$0] })
        var trie = ByteTrie()
        for id in candidates where pieces[id].kind == .userDefined {
            trie.insert(keys[id], value: id)
        }
        userDefined = trie
        hasUnusedPieces = candidates.contains { pieces[$0].kind == .unused }
        unigram =
            type == 2
            ? nil
            : UnigramVocabulary(
                candidates.filter { pieces[$0].kind != .unused }.map {
                    UnigramVocabulary.Piece(
                        bytes: keys[$0], score: pieces[$0].score, id: $0,
                        isUserDefined: pieces[$0].kind == .userDefined)
                }, unknownID: unknownID, byteIDs: byteIDs)
    }

    /// The id of a piece by its exact text, of whatever kind.
    public func id(of piece: String) -> Int? { allPieces.find(piece.utf8) }

    /// The model as a file: byte for byte what was read, where its fields stood in order.
    public var serialized: [UInt8] {
        var message = ProtobufMessage()
        for piece in pieces {
            var entry = ProtobufMessage()
            entry.add(1, bytes: piece.text.utf8)
            entry.add(2, float: piece.score)
            if piece.kind != .normal { entry.add(3, int: piece.kind.rawValue) }
            message.add(1, bytes: entry.serialized)
        }
        message.add(2, bytes: trainerSpec.serialized)
        message.add(3, bytes: normalizerSpec.serialized)
        message.fields += others.fields
        return message.serialized
    }

    private static func piece(_ bytes: [UInt8], id: Int, file: String) throws -> Piece {
        func malformed(_ rule: String) -> TokenizerError {
            .malformed(file: file, rule: "piece \(id) \(rule)")
        }
        let message = try ProtobufMessage(bytes[...], file: file)
        guard let text = message.bytes(1), !text.isEmpty else { throw malformed("has no text") }
        guard let string = String(validating: text, as: UTF8.self) else {
            throw malformed("is not UTF-8")
        }
        let score = message.float(2)
        guard score.isFinite else { throw malformed("has score \(score)") }
        guard let kind = Kind(rawValue: message.int(3, default: 1)) else {
            throw malformed("is of unknown type \(message.int(3, default: 1))")
        }
        return Piece(string, score: score, kind: kind)
    }

    private static func byteValue(_ text: String) -> UInt8? {
        let text = Array(text.utf8)
        guard text.count == 6, text.starts(with: Array("<0x".utf8)), text[5] == UInt8(ascii: ">")
        else { return nil }
        return UInt8(String(decoding: text[3..<5], as: UTF8.self), radix: 16)
    }
}
