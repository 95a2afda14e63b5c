import TensorCore

/// What the steps of a `tokenizer.json` may cost: anybody may have written it.
enum PipelineLimits {
    /// Steps of one kind, all sequences together. Published files have fewer than ten.
    static let steps = 64
    /// How many times longer the steps of one kind may make a text.
    static let growth = 1 << 14

    fileprivate static func product(_ factors: some Sequence<Int>) -> Int {
        factors.reduce(1) { min($0 * $1, growth + 1) }
    }
}

extension TokenizerJSONReader {
    /// - Throws: `TokenizerError.malformed` where there are too many steps
    func checkSteps(_ table: OrderedJSON) throws {
        for (key, list) in [
            ("normalizer", "normalizers"), ("pre_tokenizer", "pretokenizers"),
            ("decoder", "decoders"), ("post_processor", "processors"),
        ] {
            func count(_ value: OrderedJSON) -> Int {
                (value[list]?.elements ?? []).reduce(1) { $0 + count($1) }
            }
            let found = table[key].map(count) ?? 0
            guard found <= PipelineLimits.steps else {
                throw malformed(
                    "its \(key) has \(found) steps, expected at most \(PipelineLimits.steps)")
            }
        }
    }

    /// - Throws: `TokenizerError.malformed` where steps together could make any text fill the memory
    func checkGrowth(
        _ normalizer: TextNormalizer?, _ preTokenizer: PreTokenizer?, _ decoder: TokenDecoder
    ) throws {
        for (key, growth) in [
            ("normalizer", normalizer?.growth ?? 1), ("pre_tokenizer", preTokenizer?.growth ?? 1),
            ("decoder", decoder.growth),
        ] where growth > PipelineLimits.growth {
            throw malformed(
                "the steps of its \(key) could make a text more than \(PipelineLimits.growth) "
                    + "times longer")
        }
    }
}

// At most how many characters become of one.

extension TextNormalizer {
    fileprivate var growth: Int {
        switch self {
        case .sequence(let steps): PipelineLimits.product(steps.lazy.map(\.growth))
        case .nfc, .lowercase: 3
        case .nfd: 4
        case .nfkc, .nfkd: 18
        case .stripAccents, .strip: 1
        case .replace(_, let content): max(1, content.unicodeScalars.count)
        case .prepend(let content): 1 + content.unicodeScalars.count
        case .charsmap(let map): max(1, map.longestReplacement)
        }
    }
}

extension PreTokenizer {
    fileprivate var growth: Int {
        switch self {
        case .sequence(let steps): PipelineLimits.product(steps.lazy.map(\.growth))
        case .byteLevel: 5
        case .metaspace: 2
        default: 1
        }
    }
}

extension TokenDecoder {
    fileprivate var growth: Int {
        switch self {
        case .sequence(let steps): PipelineLimits.product(steps.lazy.map(\.growth))
        case .replace(_, let content): max(1, content.unicodeScalars.count)
        case .bpe: 2
        default: 1
        }
    }
}
