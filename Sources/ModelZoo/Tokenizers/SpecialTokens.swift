// The special tokens of a tokenizer folder: `tokenizer_config.json`, overruled by
// `special_tokens_map.json`.

/// One special token as written in a file: a string, or an object with its rules.
///
/// Source: transformers 4.29.2. A token written as a plain string takes the white space on both
/// its sides with it; one written as an object only what its `lstrip` and `rstrip` say.
struct SpecialToken: Codable, Sendable {
    var content: String
    var lstrip = false
    var rstrip = false
    var normalized = true
    var singleWord = false
    var isPlain = false

    private enum CodingKeys: String, CodingKey {
        case content, lstrip, rstrip, normalized, singleWord
    }

    init(_ content: String, isPlain: Bool = false) {
        self.content = content
        self.isPlain = isPlain
    }

    init(from decoder: any Decoder) throws {
        if let content = try? decoder.singleValueContainer().decode(String.self) {
            self = SpecialToken(content, isPlain: true)
            return
        }
        let object = try decoder.container(keyedBy: CodingKeys.self)
        content = try object.decode(String.self, forKey: .content)
        lstrip = try object.decodeIfPresent(Bool.self, forKey: .lstrip) ?? false
        rstrip = try object.decodeIfPresent(Bool.self, forKey: .rstrip) ?? false
        normalized = try object.decodeIfPresent(Bool.self, forKey: .normalized) ?? true
        singleWord = try object.decodeIfPresent(Bool.self, forKey: .singleWord) ?? false
    }

    func encode(to encoder: any Encoder) throws {
        if isPlain {
            var value = encoder.singleValueContainer()
            try value.encode(content)
            return
        }
        var object = encoder.container(keyedBy: CodingKeys.self)
        try object.encode(content, forKey: .content)
        try object.encode(lstrip, forKey: .lstrip)
        try object.encode(rstrip, forKey: .rstrip)
        try object.encode(normalized, forKey: .normalized)
        try object.encode(singleWord, forKey: .singleWord)
    }
}

/// `special_tokens_map.json`, and the same keys in `tokenizer_config.json`.
struct SpecialTokensMap: Codable, Sendable {
    var bosToken: SpecialToken?
    var eosToken: SpecialToken?
    var unkToken: SpecialToken?
    var sepToken: SpecialToken?
    var padToken: SpecialToken?
    var clsToken: SpecialToken?
    var maskToken: SpecialToken?
    var additionalSpecialTokens: [SpecialToken]?

    /// Every token that is named, in the order in which missing ones get ids.
    var all: [SpecialToken] {
        [bosToken, eosToken, unkToken, sepToken, padToken, clsToken, maskToken]
            .compactMap { $0 }.filter { !$0.content.isEmpty } + (additionalSpecialTokens ?? [])
    }
}

/// What a tokenizer folder's JSON files say, the vocabulary aside.
struct TokenizerSettings: Sendable {
    /// Tokens of `tokenizer_config.json` as objects, whichever way they are written there.
    var configured = SpecialTokensMap()
    /// Tokens of `special_tokens_map.json`, as written: they overrule the configured ones.
    var mapped = SpecialTokensMap()
    var maximumLength: Int?
    var addPrefixSpace = false
    /// Whether texts begin with a mark, where the file says.
    var addsBegin: Bool?
    /// Strings beyond the vocabulary file, ascending by id.
    var addedTokens: [(text: String, id: Int)] = []

    private struct Config: Decodable {
        struct Entry: Decodable { var content: String }
        var modelMaxLength: Double?
        var addPrefixSpace: Bool?
        var addBosToken: Bool?
        var addedTokensDecoder: [String: Entry]?
    }

    init() {}

    init(folder: String) throws {
        let config = "\(folder)/tokenizer_config.json"
        let map = "\(folder)/special_tokens_map.json"
        let added = "\(folder)/added_tokens.json"
        if TokenizerFiles.exists(config) {
            configured = try TokenizerFiles.json(SpecialTokensMap.self, config)
            let other = try TokenizerFiles.json(Config.self, config)
            maximumLength = other.modelMaxLength.flatMap { $0 >= 2 && $0 < 1e9 ? Int($0) : nil }
            addPrefixSpace = other.addPrefixSpace ?? false
            addsBegin = other.addBosToken
            addedTokens = (other.addedTokensDecoder ?? [:]).compactMap { id, entry in
                Int(id).map { (entry.content, $0) }
            }
        }
        if TokenizerFiles.exists(map) {
            mapped = try TokenizerFiles.json(SpecialTokensMap.self, map)
        }
        if TokenizerFiles.exists(added) {
            addedTokens = try TokenizerFiles.json([String: Int].self, added).map { ($0, $1) }
        }
        addedTokens.sort { $0.id < $1.id }
    }
}
