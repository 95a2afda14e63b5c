// The tokenizer of LLaMA and Vicuna: SentencePiece under the rules for added tokens.
// Reference: transformers 4.29.2, the slow `LlamaTokenizer`.

/// LLaMA's tokenizer with special and added tokens.
///
/// Text is cut at both. White space beside an added token goes with it; every piece between them
/// is encoded on its own, so each gets its own leading space.
public struct LLaMATokenizer: Tokenizer {
    /// The SentencePiece model underneath.
    public let model: SentencePieceModel
    /// `<s>`.
    public let bosID: Int
    /// `</s>`.
    public let eosID: Int
    /// `<unk>`.
    public let unknownID: Int
    /// The padding token's id, where the files name one.
    public let padID: Int?

    let special: SpecialTokensMap
    let specialIDs: Set<Int>
    /// Strings beyond the model's pieces, the first with id `model.vocabularySize`.
    private(set) var added: [String]
    private var addedIDs: [[UInt8]: Int]
    private var cuts: AddedTokens

    /// Reads a folder: `tokenizer.model` and, where present, `tokenizer_config.json`,
    /// `special_tokens_map.json` and `added_tokens.json`.
    ///
    /// - Throws: `TokenizerError` for a missing or damaged file, or ids that leave a gap
    public init(folder: String) throws {
        try self.init(
            model: SentencePieceModel(contentsOf: "\(folder)/tokenizer.model"),
            settings: TokenizerSettings(folder: folder), folder: folder)
    }

    /// A model with the usual special tokens `<s>`, `</s>` and `<unk>` and nothing added.
    public init(model: SentencePieceModel) throws {
        try self.init(model: model, settings: TokenizerSettings(), folder: model.file)
    }

    /// A model whose file names its marks, and has them among its pieces.
    ///
    /// - Parameter others: further special tokens, found in the text before anything else
    init(model: SentencePieceModel, begin: String?, end: String?, others: [String]) throws {
        var settings = TokenizerSettings()
        settings.mapped.bosToken = begin.map { SpecialToken($0) }
        settings.mapped.eosToken = end.map { SpecialToken($0) }
        settings.mapped.additionalSpecialTokens =
            others.filter { $0 != begin && $0 != end }.map { SpecialToken($0) }
        try self.init(model: model, settings: settings, folder: model.file)
    }

    private init(
        model: SentencePieceModel, settings: TokenizerSettings, folder: String
    ) throws {
        self.model = model
        func named(_ token: SpecialToken?) -> SpecialToken? {
            token.flatMap { $0.content.isEmpty ? nil : $0 }
        }
        // Old conversions write empty strings.
        func object(_ token: SpecialToken?, default text: String?) -> SpecialToken? {
            var token = named(token) ?? text.map { SpecialToken($0) }
            token?.isPlain = false
            return token
        }
        let configured = settings.configured
        let map = settings.mapped
        let special = SpecialTokensMap(
            bosToken: named(map.bosToken) ?? object(configured.bosToken, default: "<s>"),
            eosToken: named(map.eosToken) ?? object(configured.eosToken, default: "</s>"),
            unkToken: named(map.unkToken) ?? object(configured.unkToken, default: "<unk>"),
            padToken: named(map.padToken) ?? object(configured.padToken, default: nil),
            additionalSpecialTokens: map.additionalSpecialTokens
                ?? configured.additionalSpecialTokens)
        self.special = special

        var (added, addedIDs) = ([String](), [[UInt8]: Int]())
        func id(_ text: String) -> Int? { model.id(of: text) ?? addedIDs[Array(text.utf8)] }
        func add(_ text: String) throws {
            let id = model.vocabularySize + added.count
            guard text.utf8.count <= TokenizerFiles.longestToken else {
                throw TokenizerError.malformed(
                    file: folder, rule: TokenizerFiles.tooLong(token: id, text))
            }
            addedIDs[Array(text.utf8)] = id
            added.append(text)
        }
        for (text, found) in settings.addedTokens where id(text) != found {
            let expected = model.vocabularySize + added.count
            guard found == expected, !text.isEmpty, id(text) == nil else {
                throw TokenizerError.malformed(
                    file: folder,
                    rule: "added token '\(text)' has id \(found), expected \(id(text) ?? expected)")
            }
            try add(text)
        }
        for token in special.all where id(token.content) == nil { try add(token.content) }

        cuts = AddedTokens()
        cuts.add(special: special.all, plainStrips: true, id: id)
        let specialIDs = Set(cuts.entries.map(\.id))
        for (index, text) in added.enumerated()
        where !specialIDs.contains(index + model.vocabularySize) {
            cuts.add(
                text, id: index + model.vocabularySize, stripsLeft: true, stripsRight: true)
        }
        self.specialIDs = specialIDs
        (self.added, self.addedIDs) = (added, addedIDs)
        bosID = special.bosToken.flatMap { id($0.content) } ?? model.unknownID
        eosID = special.eosToken.flatMap { id($0.content) } ?? model.unknownID
        unknownID = special.unkToken.flatMap { id($0.content) } ?? model.unknownID
        padID = special.padToken.flatMap { id($0.content) }
    }

    /// How many ids there are: the model's pieces and the added tokens.
    public var vocabularySize: Int { model.vocabularySize + added.count }

    /// The same tokenizer with more added tokens, each at the next free id. A string that already
    /// is a token stays what it is.
    public func adding(_ tokens: [String]) -> LLaMATokenizer {
        var result = self
        for token in tokens where !token.isEmpty && result.id(of: token) == nil {
            let id = result.vocabularySize
            result.cuts.add(token, id: id, stripsLeft: true, stripsRight: true)
            result.addedIDs[Array(token.utf8)] = id
            result.added.append(token)
        }
        return result
    }

    /// The id of a token by its exact text.
    public func id(of token: String) -> Int? {
        model.id(of: token) ?? addedIDs[Array(token.utf8)]
    }

    /// The text of one token as its vocabulary has it; nil outside the vocabulary.
    public func token(_ id: Int) -> String? {
        if model.pieces.indices.contains(id) { return model.pieces[id].text }
        let index = id - model.vocabularySize
        return added.indices.contains(index) ? added[index] : nil
    }

    /// The ids of a text, without `<s>` in front.
    public func encode(_ text: String) -> [Int] {
        cuts.cut(text).flatMap { segment in
            switch segment {
            case .token(let id): [id]
            case .text(let piece): model.encode(String(piece))
            }
        }
    }

    /// The text of ids, special tokens written out.
    public func decode(_ ids: [Int]) -> String { decode(ids, skippingSpecialTokens: false) }

    /// The text of ids. Added tokens stand with one space on each side that has text.
    public func decode(_ ids: [Int], skippingSpecialTokens: Bool) -> String {
        if skippingSpecialTokens {
            var decoder = StreamingDecoder(self)
            return ids.reduce(into: "") { $0 += decoder.append($1) } + decoder.finish()
        }
        var parts: [String] = []
        var run: [Int] = []
        func endRun() {
            if !run.isEmpty { parts.append(decodeRun(run)) }
            run = []
        }
        for id in ids {
            if isAdded(id) {
                endRun()
                parts.append(token(id) ?? "")
            } else {
                run.append(id)
            }
        }
        endRun()
        return parts.joined(separator: " ")
    }

    func isAdded(_ id: Int) -> Bool { id >= model.vocabularySize && id < vocabularySize }

    /// Pieces with special tokens among them. The space goes before the text that a special token
    /// ends, not before the token: so the reference has it.
    private func decodeRun(_ ids: [Int]) -> String {
        var (text, pieces) = ("", [Int]())
        var afterSpecial = false
        for (index, id) in ids.enumerated() {
            guard specialIDs.contains(id) else {
                pieces.append(id)
                afterSpecial = false
                continue
            }
            if !afterSpecial, index > 0 { text += " " }
            text += model.decode(pieces) + (token(id) ?? "")
            pieces = []
            afterSpecial = true
        }
        return text + model.decode(pieces)
    }
}

extension LLaMATokenizer {
    /// Writes `tokenizer.model`, `tokenizer_config.json`, `special_tokens_map.json` and
    /// `added_tokens.json` into a folder that exists.
    ///
    /// - Throws: `TokenizerError.unwritable`
    public func write(to folder: String) throws {
        func object(_ id: Int?) -> SpecialToken? {
            id.flatMap(token).map { SpecialToken($0) }
        }
        let map = SpecialTokensMap(
            bosToken: object(bosID), eosToken: object(eosID), unkToken: object(unknownID),
            padToken: object(padID), additionalSpecialTokens: special.additionalSpecialTokens)
        let ids = Dictionary(
            added.enumerated().map { ($1, $0 + model.vocabularySize) },
            uniquingKeysWith: { first, _ in first })
        try TokenizerFiles.write(model.serialized, to: "\(folder)/tokenizer.model")
        try TokenizerFiles.write(json: map, to: "\(folder)/special_tokens_map.json")
        try TokenizerFiles.write(json: ids, to: "\(folder)/added_tokens.json")
        try TokenizerFiles.write(
            json: Config(
                bosToken: object(bosID)?.content, eosToken: object(eosID)?.content,
                unkToken: object(unknownID)?.content, padToken: object(padID)?.content),
            to: "\(folder)/tokenizer_config.json")
    }

    private struct Config: Encodable {
        var addBosToken = true
        var addEosToken = false
        var bosToken: String?
        var eosToken: String?
        var unkToken: String?
        var padToken: String?
        var cleanUpTokenizationSpaces = false
        var legacy = true
        var modelMaxLength = 2048
        var tokenizerClass = "LlamaTokenizer"
    }
}
