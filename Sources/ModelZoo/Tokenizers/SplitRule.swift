// Source: llama.cpp `llama-vocab.cpp`, for the names; each release's `tokenizer.json`, for the patterns.

import TensorCore

/// How the byte-level vocabularies of GGUF files cut text, by the name that the file gives.
struct SplitRule {
    let patterns: [String]
    var ignoresMerges = false
    var begins = false

    private static let gpt2 =
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)"

    private static func later(digits: String) -> String {
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\(digits)"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    }

    static let named: [String: SplitRule] = [
        "default": SplitRule(patterns: [gpt2]),
        "gpt-2": SplitRule(patterns: [gpt2]),
        "llama-bpe": SplitRule(
            patterns: [later(digits: "\\p{N}{1,3}")], ignoresMerges: true, begins: true),
        "llama3": SplitRule(
            patterns: [later(digits: "\\p{N}{1,3}")], ignoresMerges: true, begins: true),
        "qwen2": SplitRule(patterns: [later(digits: "\\p{N}")]),
        "smollm": SplitRule(patterns: ["\\p{N}", gpt2]),
    ]

    /// Cuts by each pattern in turn, then turns bytes into characters.
    func preTokenizer() throws -> PreTokenizer {
        .sequence(
            try patterns.map { .split(try SplitPattern($0), .isolated, isInverted: false) }
                + [.byteLevel(addsSpace: false, cuts: false)])
    }

    /// The name of the rule by which a `tokenizer.json` cuts; nil for one that has none.
    static func name(of step: PreTokenizer?, _ table: OrderedJSON?) -> String? {
        func cuts(_ table: OrderedJSON) -> [String] {
            switch table["type"]?.text {
            case "Sequence": (table["pretokenizers"]?.elements ?? []).flatMap(cuts)
            case "Split": [table["pattern"]?["Regex"]?.text ?? "?"]
            case "Digits": table["individual_digits"]?.bool == true ? ["\\p{N}"] : ["?"]
            case "ByteLevel": table["use_regex"]?.bool ?? true ? ["byte level"] : []
            default: ["?"]
            }
        }
        guard let table, step != nil else { return nil }
        let found = cuts(table).map { $0.replacing("|\\s+(?!\\S)|\\s+", with: "|\\s+(?!\\S)") }
        if found == ["byte level"] || found == [gpt2] { return "gpt-2" }
        if found == ["\\p{N}", "byte level"] || found == ["\\p{N}", gpt2] { return "smollm" }
        for name in ["llama-bpe", "qwen2"] {
            let patterns = named[name]?.patterns.map {
                $0.replacing("|\\s+(?!\\S)|\\s+", with: "|\\s+(?!\\S)")
            }
            if patterns == found { return name }
        }
        return nil
    }
}
