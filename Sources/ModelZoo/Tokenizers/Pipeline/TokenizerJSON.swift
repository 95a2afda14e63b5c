import TensorCore

extension JSONTokenizer {
    /// Reads a `tokenizer.json`, and beside it what `tokenizer_config.json` says of the marks.
    ///
    /// - Throws: `TokenizerError` for a damaged file, or a step that is not known
    public init(contentsOf path: String) throws {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let bytes = try TokenizerFiles.bytes(path)
        let table: OrderedJSON
        do {
            table = try bytes.withUnsafeBytes { try OrderedJSON($0, depth: 32) }
        } catch {
            throw TokenizerError.malformed(file: path, rule: "no valid JSON")
        }
        try self.init(table, settings: TokenizerSettings(folder: folder), file: path)
    }

    init(_ table: OrderedJSON, settings: TokenizerSettings, file: String) throws {
        let reader = TokenizerJSONReader(file: file)
        try reader.checkSteps(table)
        let added = try reader.added(table["added_tokens"])
        let parts = try reader.model(table["model"], added)
        let ids = parts.vocabulary.map(\.id) + added.map(\.id)
        let size = (ids.max() ?? -1) + 1
        guard size <= TokenizerFiles.largestID(of: ids.count) else {
            throw reader.malformed("it has the id \(size - 1) for \(ids.count) tokens")
        }
        let marks = try reader.marks(table["post_processor"])
        for id in marks.before + marks.after where !(0..<size).contains(id) {
            throw reader.malformed("its post-processor adds the id \(id), it has \(size) tokens")
        }
        func id(_ text: String) -> Int? {
            added.first { $0.text.utf8.elementsEqual(text.utf8) }?.id
                ?? parts.vocabulary.first { $0.text.utf8.elementsEqual(text.utf8) }?.id
        }
        func named(_ key: (SpecialTokensMap) -> SpecialToken?) -> Int? {
            (key(settings.mapped) ?? key(settings.configured)).flatMap { id($0.content) }
        }
        let begins = named(\.bosToken) ?? id("<s>") ?? id("<|begin_of_text|>")
        let ends = named(\.eosToken) ?? id("</s>") ?? id("<|end_of_text|>")
        let addsBegin = settings.addsBegin ?? !marks.before.isEmpty
        let normalizer = try reader.normalizer(table["normalizer"])
        let preTokenizer = try reader.preTokenizer(table["pre_tokenizer"])
        let decoder = try reader.decoder(table["decoder"])
        try reader.checkGrowth(normalizer, preTokenizer, decoder)
        self.init(
            model: parts.model, vocabulary: parts.vocabulary, added: added,
            normalizer: normalizer, preTokenizer: preTokenizer, decoder: decoder, marks: marks,
            beginID: addsBegin ? marks.before.first ?? begins : nil,
            endID: ends)
    }
}

/// Reads the steps one by one.
struct TokenizerJSONReader {
    let file: String

    func malformed(_ rule: String) -> TokenizerError { .malformed(file: file, rule: rule) }

    private func unsupported(_ what: String) -> TokenizerError {
        .unsupported(
            file: file, what: what,
            mend: "Use the tokenizer files of a LLaMA, Qwen2 or CLIP release.")
    }

    private func scalar(_ value: OrderedJSON?, default scalar: Unicode.Scalar) throws
        -> Unicode.Scalar
    {
        guard let text = value?.text else { return scalar }
        guard let only = text.unicodeScalars.first, text.unicodeScalars.count == 1 else {
            throw malformed("'\(text)' stands where one character is expected")
        }
        return only
    }

    private func pattern(_ value: OrderedJSON?) throws -> SplitPattern {
        if let literal = value?["String"]?.text ?? value?.text {
            return SplitPattern(literal: literal)
        }
        guard let text = value?["Regex"]?.text else { throw malformed("a step has no pattern") }
        do {
            return try SplitPattern(text)
        } catch let failure as PatternParser.Failure {
            throw unsupported("the pattern '\(text)' (\(failure.reason))")
        }
    }

    // MARK: Tokens

    func added(_ value: OrderedJSON?) throws -> [JSONTokenizer.Added] {
        try (value?.elements ?? []).map { entry in
            guard let text = entry["content"]?.text, !text.isEmpty, let id = entry["id"]?.integer,
                (0..<TokenizerFiles.largestID).contains(id)
            else { throw malformed("an added token lacks its content or id") }
            guard text.utf8.count <= TokenizerFiles.longestToken else {
                throw malformed(TokenizerFiles.tooLong(token: id, text))
            }
            return JSONTokenizer.Added(
                text: text, id: id, isSpecial: entry["special"]?.bool ?? false,
                stripsLeft: entry["lstrip"]?.bool ?? false,
                stripsRight: entry["rstrip"]?.bool ?? false,
                isSingleWord: entry["single_word"]?.bool ?? false,
                isNormalized: entry["normalized"]?.bool ?? false)
        }
    }

    typealias Vocabulary = [(text: String, id: Int)]

    func model(
        _ value: OrderedJSON?, _ added: [JSONTokenizer.Added]
    ) throws -> (model: SubwordModel, vocabulary: Vocabulary) {
        guard let value else { throw malformed("it has no model") }
        // Old files leave the type out of byte-pair models.
        let type = value["type"]?.text ?? (value["merges"] == nil ? "none" : "BPE")
        switch type {
        case "BPE": return try pairs(value)
        case "Unigram": return try unigram(value)
        default: throw unsupported("a model of type '\(type)'")
        }
    }

    private func pairs(
        _ value: OrderedJSON
    ) throws -> (model: SubwordModel, vocabulary: Vocabulary) {
        guard let members = value["vocab"]?.members, let list = value["merges"]?.elements else {
            throw malformed("the model lacks its vocab or merges")
        }
        guard value["continuing_subword_prefix"]?.text ?? "" == "" else {
            throw unsupported("a prefix of continued words")
        }
        let vocabulary: Vocabulary = try members.map { member in
            guard let id = member.value.integer, (0..<TokenizerFiles.largestID).contains(id) else {
                throw malformed("'\(member.name)' has no id that can be")
            }
            return (member.name, id)
        }
        let merges = try list.map { entry -> (String, String) in
            if let halves = entry.elements, halves.count == 2, let left = halves[0].text,
                let right = halves[1].text
            {
                return (left, right)
            }
            // Halves may hold any space but U+0020.
            guard let text = entry.text?.utf8, let cut = text.firstIndex(of: 0x20),
                !text[text.index(after: cut)...].contains(0x20)
            else { throw malformed("a merge is no pair") }
            return (
                String(decoding: text[..<cut], as: UTF8.self),
                String(decoding: text[text.index(after: cut)...], as: UTF8.self)
            )
        }
        var options = PairVocabulary.Options()
        options.suffix = value["end_of_word_suffix"]?.text ?? ""
        options.hasByteFallback = value["byte_fallback"]?.bool ?? false
        options.unknown = value["unk_token"]?.text
        options.fusesUnknown = value["fuse_unk"]?.bool ?? false
        options.ignoresMerges = value["ignore_merges"]?.bool ?? false
        do {
            return (.bpe(try PairVocabulary(vocabulary, merges, options)), vocabulary)
        } catch let failure as PairVocabulary.Failure {
            throw malformed(failure.rule)
        }
    }

    private func unigram(
        _ value: OrderedJSON
    ) throws -> (model: SubwordModel, vocabulary: Vocabulary) {
        let entries = value["vocab"]?.elements ?? []
        let vocabulary: Vocabulary = try entries.enumerated().map { id, entry in
            guard let text = entry.elements?.first?.text else {
                throw malformed("entry \(id) of the vocab is no piece and score")
            }
            guard text.utf8.count <= TokenizerFiles.longestToken else {
                throw malformed(TokenizerFiles.tooLong(token: id, text))
            }
            return (text, id)
        }
        guard let unknown = value["unk_id"]?.integer, entries.indices.contains(unknown) else {
            throw unsupported("a unigram model without an unknown piece")
        }
        let pieces = try entries.enumerated().map { id, entry in
            guard let score = entry.elements?.last?.number else {
                throw malformed("entry \(id) of the vocab is no piece and score")
            }
            return UnigramVocabulary.Piece(
                bytes: Array(vocabulary[id].text.utf8), score: Float(score), id: id)
        }
        let ids = Dictionary(
            vocabulary.map { ($0.text, $0.id) }, uniquingKeysWith: { first, _ in first })
        let bytes = (0..<256).map { ids[PairVocabulary.byteToken(UInt8($0))] }
        let falls = value["byte_fallback"]?.bool ?? false
        return (
            .unigram(
                UnigramVocabulary(
                    pieces, unknownID: unknown,
                    byteIDs: falls && !bytes.contains(nil) ? bytes.compactMap { $0 } : [])),
            vocabulary
        )
    }

    // MARK: Steps

    func normalizer(_ value: OrderedJSON?) throws -> TextNormalizer? {
        guard let value, !value.isNull else { return nil }
        switch value["type"]?.text {
        case "Sequence":
            return .sequence(try (value["normalizers"]?.elements ?? []).compactMap(normalizer))
        case "NFC": return .nfc
        case "NFD": return .nfd
        case "NFKC": return .nfkc
        case "NFKD": return .nfkd
        case "Lowercase": return .lowercase
        case "StripAccents": return .stripAccents
        case "Strip":
            return .strip(
                left: value["strip_left"]?.bool ?? true, right: value["strip_right"]?.bool ?? true)
        case "Replace":
            return .replace(try pattern(value["pattern"]), value["content"]?.text ?? "")
        case "Prepend": return .prepend(value["prepend"]?.text ?? "")
        case "Precompiled":
            guard let map = value["precompiled_charsmap"]?.text.flatMap(fromBase64),
                let charsmap = CharacterMap(map)
            else { throw malformed("its character map cannot be read") }
            return .charsmap(charsmap)
        case let type: throw unsupported("the normalizer '\(type ?? "none")'")
        }
    }

    func preTokenizer(_ value: OrderedJSON?) throws -> PreTokenizer? {
        guard let value, !value.isNull else { return nil }
        switch value["type"]?.text {
        case "Sequence":
            return .sequence(
                try (value["pretokenizers"]?.elements ?? []).compactMap(preTokenizer))
        case "ByteLevel":
            return .byteLevel(
                addsSpace: value["add_prefix_space"]?.bool ?? true,
                cuts: value["use_regex"]?.bool ?? true)
        case "Metaspace":
            let schemes: [String: PreTokenizer.Scheme] = [
                "always": .always, "first": .first, "never": .never,
            ]
            let adds = value["add_prefix_space"]?.bool ?? true
            return .metaspace(
                try scalar(value["replacement"], default: "\u{2581}"),
                value["prepend_scheme"]?.text.flatMap { schemes[$0] } ?? (adds ? .always : .never),
                cuts: value["split"]?.bool ?? true)
        case "Split":
            return .split(
                try pattern(value["pattern"]), try behavior(value),
                isInverted: value["invert"]?.bool ?? false)
        case "Digits": return .digits(eachAlone: value["individual_digits"]?.bool ?? false)
        case "Punctuation":
            return .punctuation(value["behavior"] == nil ? .isolated : try behavior(value))
        case "Whitespace": return .whitespace
        case "WhitespaceSplit": return .whitespaceSplit
        case "BertPreTokenizer": return .bert
        case let type: throw unsupported("the pre-tokenizer '\(type ?? "none")'")
        }
    }

    private func behavior(_ value: OrderedJSON) throws -> PreTokenizer.Behavior {
        let name = value["behavior"]?.text ?? "none"
        guard let behavior = PreTokenizer.Behavior(rawValue: name) else {
            throw unsupported("the behavior '\(name)' of a split")
        }
        return behavior
    }

    func decoder(_ value: OrderedJSON?) throws -> TokenDecoder {
        guard let value, !value.isNull else { return .spaced }
        switch value["type"]?.text {
        case "Sequence":
            return .sequence(try (value["decoders"]?.elements ?? []).map(decoder))
        case "ByteLevel": return .byteLevel
        case "Replace":
            return .replace(try pattern(value["pattern"]), value["content"]?.text ?? "")
        case "ByteFallback": return .byteFallback
        case "Fuse": return .fuse
        case "Strip":
            return .strip(
                try scalar(value["content"], default: " "),
                left: min(max(value["start"]?.integer ?? 0, 0), 64),
                right: min(max(value["stop"]?.integer ?? 0, 0), 64))
        case "Metaspace":
            let scheme = value["prepend_scheme"]?.text
            return .metaspace(
                try scalar(value["replacement"], default: "\u{2581}"),
                dropsFirst: scheme.map { $0 != "never" }
                    ?? value["add_prefix_space"]?.bool ?? true)
        case "BPEDecoder": return .bpe(suffix: value["suffix"]?.text ?? "</w>")
        case let type: throw unsupported("the decoder '\(type ?? "none")'")
        }
    }

    /// The ids before and after a single text.
    func marks(_ value: OrderedJSON?) throws -> (before: [Int], after: [Int]) {
        guard let value, !value.isNull else { return ([], []) }
        func id(_ key: String) throws -> Int {
            guard let pair = value[key]?.elements, pair.count == 2, let id = pair[1].integer else {
                throw malformed("its post-processor has no '\(key)'")
            }
            return id
        }
        switch value["type"]?.text {
        case "ByteLevel": return ([], [])
        case "RobertaProcessing", "BertProcessing": return ([try id("cls")], [try id("sep")])
        case "Sequence":
            return try (value["processors"]?.elements ?? []).reduce(into: ([], [])) { all, step in
                let (before, after) = try marks(step)
                all = (before + all.0, all.1 + after)
            }
        case "TemplateProcessing":
            var (before, after, isBefore) = ([Int](), [Int](), true)
            let steps = value["single"]?.elements ?? []
            guard steps.count <= PipelineLimits.steps else {
                throw malformed(
                    "its template has \(steps.count) steps, "
                        + "expected at most \(PipelineLimits.steps)")
            }
            for step in steps {
                if step["Sequence"] != nil { isBefore = false }
                guard let name = step["SpecialToken"]?["id"]?.text else { continue }
                guard let ids = value["special_tokens"]?[name]?["ids"]?.integers else {
                    throw malformed("its template names '\(name)', which has no id")
                }
                if isBefore { before += ids } else { after += ids }
            }
            return (before, after)
        case let type: throw unsupported("the post-processor '\(type ?? "none")'")
        }
    }
}

/// The bytes that a text in base 64 stands for; nil where it is none.
private func fromBase64(_ text: String) -> [UInt8]? {
    var (bytes, bits, count) = ([UInt8](), UInt32(0), 0)
    bytes.reserveCapacity(text.utf8.count / 4 * 3)
    for character in text.utf8 where character != UInt8(ascii: "=") {
        let value: UInt8
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character - 71
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character + 4
        case UInt8(ascii: "+"): value = 62
        case UInt8(ascii: "/"): value = 63
        default: return nil
        }
        bits = bits << 6 | UInt32(value)
        count += 6
        if count >= 8 {
            count -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        }
    }
    return bytes
}
