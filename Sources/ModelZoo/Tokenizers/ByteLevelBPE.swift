// Byte-level byte-pair encoding, the engine under CLIP's and RoBERTa's tokenizers.
// Paper: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners".

/// Byte-pair encoding of words given as bytes, from `vocab.json` and `merges.txt`.
struct ByteLevelBPE: Sendable {
    /// The characters that stand for bytes in the files.
    enum Alphabet {
        /// The bytes that stand for themselves, then the 68 others, ascending each.
        static let order: [UInt8] = {
            let own = (0...255).filter { isOwn(UInt8($0)) }
            return (own + (0...255).filter { !isOwn(UInt8($0)) }).map { UInt8($0) }
        }()

        /// The character of each byte.
        static let characters: [Unicode.Scalar] = {
            var characters = (0...255).map { Unicode.Scalar(UInt8($0)) }
            for (index, byte) in order[188...].enumerated() {
                characters[Int(byte)] = Unicode.Scalar(0x100 + UInt16(index)) ?? "?"
            }
            return characters
        }()

        static let bytes: [Unicode.Scalar: UInt8] = Dictionary(
            characters.enumerated().map { ($1, UInt8($0)) }, uniquingKeysWith: { first, _ in first }
        )

        private static func isOwn(_ byte: UInt8) -> Bool {
            (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174
        }

        /// Bytes as they are written in the files.
        static func text(_ bytes: some Sequence<UInt8>) -> String {
            var text = String.UnicodeScalarView()
            for byte in bytes { text.append(characters[Int(byte)]) }
            return String(text)
        }
    }

    let ids: [String: Int]
    let tokens: [String?]
    /// What the last character of a word carries: `</w>` in CLIP, nothing in GPT-2.
    let suffix: String

    // Symbols are numbered apart from ids: a merge may give what has no id.
    private var symbolIDs: [Int?] = []
    private var byteSymbols: [Int32] = []
    private var lastByteSymbols: [Int32] = []
    private var merges: [UInt64: (rank: Int32, symbol: Int32)] = [:]

    /// Reads `vocab.json` and `merges.txt` of a folder.
    init(folder: String, suffix: String) throws {
        let file = "\(folder)/vocab.json"
        let ids = try TokenizerFiles.json([String: Int].self, file)
        guard !ids.isEmpty else { throw TokenizerError.malformed(file: file, rule: "is empty") }
        let most = TokenizerFiles.largestID(of: ids.count)
        for (token, id) in ids where !(0..<most).contains(id) {
            throw TokenizerError.malformed(
                file: file, rule: "'\(token)' has id \(id), expected 0 to \(most - 1)")
        }
        let merges = "\(folder)/merges.txt"
        self.init(
            ids: ids, merges: try Self.merges(TokenizerFiles.bytes(merges), file: merges),
            suffix: suffix)
    }

    init(ids: [String: Int], merges pairs: [(String, String)], suffix: String) {
        self.ids = ids
        self.suffix = suffix
        var tokens = [String?](repeating: nil, count: (ids.values.max() ?? -1) + 1)
        for (token, id) in ids { tokens[id] = token }
        self.tokens = tokens

        var numbers: [String: Int32] = [:]
        var symbolIDs: [Int?] = []
        func symbol(_ text: String) -> Int32 {
            if let number = numbers[text] { return number }
            numbers[text] = Int32(symbolIDs.count)
            symbolIDs.append(ids[text])
            return Int32(symbolIDs.count - 1)
        }
        byteSymbols = Alphabet.characters.map { symbol(String($0)) }
        lastByteSymbols = Alphabet.characters.map { symbol(String($0) + suffix) }
        merges.reserveCapacity(pairs.count)
        for (rank, (left, right)) in pairs.enumerated() {
            // A pair that occurs twice has its later rank, as in the reference's table.
            merges[Self.key(symbol(left), symbol(right))] = (Int32(rank), symbol(left + right))
        }
        self.symbolIDs = symbolIDs
    }

    /// The ids of one word; nil for a symbol that has none.
    func encode(_ word: [UInt8]) -> [Int?] {
        guard let last = word.last else { return [] }
        let symbols =
            word.dropLast().map { byteSymbols[Int($0)] } + [lastByteSymbols[Int(last)]]
        return mergePairs(symbols, rounds: true) { merges[Self.key($0, $1)] }
            .map { symbolIDs[Int($0)] }
    }

    /// The text of ids, with a space for each `suffix`. Characters that stand for no byte give
    /// nothing.
    func decode(_ ids: [Int]) -> String {
        let bytes = ids.flatMap { id in
            (tokens.indices.contains(id) ? tokens[id] ?? "" : "").unicodeScalars
                .compactMap { Alphabet.bytes[$0] }
        }
        guard !suffix.isEmpty else { return String(decoding: bytes, as: UTF8.self) }
        let ending = Array(suffix.utf8)
        var (spaced, index) = ([UInt8](), 0)
        while index < bytes.count {
            let isEnding = bytes[index...].starts(with: ending)
            spaced.append(isEnding ? 0x20 : bytes[index])
            index += isEnding ? ending.count : 1
        }
        return String(decoding: spaced, as: UTF8.self)
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// The pairs of a merges file: a header line, then `left right` in order of rank.
    private static func merges(_ bytes: [UInt8], file: String) throws -> [(String, String)] {
        var pairs: [(String, String)] = []
        var (rest, number) = (bytes[...], 0)
        while !rest.isEmpty {
            var line = rest.prefix { $0 != 10 }
            rest = rest.dropFirst(line.count + 1)
            number += 1
            if line.last == 13 { line.removeLast() }
            if number == 1 || line.isEmpty { continue }
            let halves = line.split(separator: 32, omittingEmptySubsequences: false)
            guard halves.count == 2, !halves[0].isEmpty, !halves[1].isEmpty else {
                throw TokenizerError.malformed(
                    file: file, rule: "line \(number) is no pair 'left right'")
            }
            pairs.append(
                (
                    String(decoding: halves[0], as: UTF8.self),
                    String(decoding: halves[1], as: UTF8.self)
                ))
        }
        return pairs
    }
}
