/// The heart of a `tokenizer.json`: from parts of the text to ids.
enum SubwordModel: Sendable {
    case bpe(PairVocabulary)
    case unigram(UnigramVocabulary)

    func encode(_ text: [Unicode.Scalar]) -> [Int] {
        switch self {
        case .bpe(let model): model.encode(text)
        case .unigram(let model): model.encode(text.flatMap { Array(UTF8.encode($0) ?? .init()) })
        }
    }
}

/// Byte-pair encoding over the characters of a vocabulary.
///
/// - Source: tokenizers 0.23, `models/bpe`
struct PairVocabulary: Sendable {
    /// Every token by its bytes, giving its place in `ids`.
    private let table: PieceTable
    private let ids: [Int]
    private let characters: [Unicode.Scalar: Int32]
    private let lastCharacters: [Unicode.Scalar: Int32]
    private let merges: [UInt64: (rank: Int32, id: Int32)]
    private let byteIDs: [Int32]
    private let unknown: Int32?
    private let fusesUnknown: Bool
    private let ignoresMerges: Bool

    struct Options {
        var suffix = ""
        var hasByteFallback = false
        var unknown: String?
        var fusesUnknown = false
        var ignoresMerges = false
    }

    /// What makes a vocabulary unusable.
    struct Failure: Error { let rule: String }

    /// - Parameter pairs: halves of tokens, best first
    /// - Throws: `Failure` for a pair that makes no token
    init(
        _ tokens: [(text: String, id: Int)], _ pairs: [(String, String)], _ options: Options
    ) throws {
        let table = PieceTable(tokens.map { Array($0.text.utf8) })
        let ids = tokens.map(\.id)
        (self.table, self.ids) = (table, ids)
        func id(_ text: String) -> Int32? { table.find(text.utf8).map { Int32(ids[$0]) } }
        var characters: [Unicode.Scalar: Int32] = [:]
        var lastCharacters: [Unicode.Scalar: Int32] = [:]
        for (text, id) in tokens {
            let scalars = text.unicodeScalars
            if let only = scalars.first, scalars.count == 1 { characters[only] = Int32(id) }
            if !options.suffix.isEmpty, text.hasSuffix(options.suffix) {
                let rest = text.unicodeScalars.dropLast(options.suffix.unicodeScalars.count)
                if let only = rest.first, rest.count == 1 { lastCharacters[only] = Int32(id) }
            }
        }
        self.characters = characters
        self.lastCharacters = options.suffix.isEmpty ? characters : lastCharacters
        var merges: [UInt64: (rank: Int32, id: Int32)] = [:]
        merges.reserveCapacity(pairs.count)
        for (rank, (left, right)) in pairs.enumerated() {
            guard let a = id(left), let b = id(right), let whole = id(left + right) else {
                throw Failure(rule: "the merge '\(left) \(right)' makes no token of it")
            }
            merges[Self.key(a, b)] = (Int32(rank), whole)
        }
        self.merges = merges
        let bytes = (0..<256).map { id(Self.byteToken(UInt8($0))) }
        byteIDs =
            options.hasByteFallback && !bytes.contains(nil) ? bytes.compactMap { $0 } : []
        unknown = options.unknown.flatMap(id)
        fusesUnknown = options.fusesUnknown
        ignoresMerges = options.ignoresMerges
    }

    /// A byte as vocabularies with fallback write it.
    static func byteToken(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "<0x\(digits.count < 2 ? "0" : "")\(digits)>"
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    func encode(_ text: [Unicode.Scalar]) -> [Int] {
        if ignoresMerges,
            let found = table.find(text.flatMap { Array(UTF8.encode($0) ?? .init()) })
        {
            return [ids[found]]
        }
        var symbols: [Int32] = []
        symbols.reserveCapacity(text.count)
        var afterUnknown = false
        for (index, scalar) in text.enumerated() {
            let known = index == text.count - 1 ? lastCharacters[scalar] : characters[scalar]
            if let known {
                symbols.append(known)
            } else if !byteIDs.isEmpty {
                symbols += (UTF8.encode(scalar) ?? .init()).map { byteIDs[Int($0)] }
            } else if let unknown {
                if !(afterUnknown && fusesUnknown) { symbols.append(unknown) }
                afterUnknown = true
                continue
            }
            afterUnknown = false
        }
        return mergePairs(symbols, rounds: false) { left, right in
            merges[Self.key(left, right)].map { ($0.rank, $0.id) }
        }.map(Int.init)
    }
}
