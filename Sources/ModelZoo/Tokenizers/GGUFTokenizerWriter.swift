package import TensorCore

extension LLaMAFiles {
    /// The tokenizer beside the weights as a GGUF file has it, one token for each row; empty where
    /// none lies there.
    ///
    /// - Throws: `TokenizerError` for one that is there and cannot be stored
    package func tokenizerMetadata(beside path: String) throws -> [GGUF.Entry] {
        let folder = tokenizerFolder(path)
        let rows = config.vocabSize
        if TokenizerFiles.exists("\(folder)/tokenizer.model") {
            return try LLaMATokenizer(folder: folder).ggufMetadata(rows: rows)
        }
        if TokenizerFiles.exists("\(folder)/tokenizer.json") {
            return try GGUFVocabulary(file: "\(folder)/tokenizer.json").metadata(
                rows: rows, tokenizer: JSONTokenizer(contentsOf: "\(folder)/tokenizer.json"))
        }
        if TokenizerFiles.exists("\(folder)/tokenizer.bin") {
            return try Llama2CTokenizer(contentsOf: "\(folder)/tokenizer.bin").ggufMetadata
        }
        return []
    }
}

private func entry(_ key: String, _ value: GGUFValue) -> GGUF.Entry {
    GGUF.Entry("tokenizer.ggml.\(key)", value)
}

/// Tokens, scores and types in three arrays, filled up to the number of rows.
private func arrays(
    _ tokens: [(text: String, score: Float, kind: SentencePieceModel.Kind)], rows: Int
) -> [GGUF.Entry] {
    let padding = (tokens.count..<max(rows, tokens.count)).map {
        (text: "[PAD\($0)]", score: Float(-1000), kind: SentencePieceModel.Kind.unused)
    }
    let all = tokens + padding
    return [
        entry("tokens", .array(GGUFArray(all.map(\.text)))),
        entry("scores", .array(GGUFArray(all.map(\.score)))),
        entry("token_type", .array(GGUFArray(all.map { Int32($0.kind.rawValue) }))),
    ]
}

extension LLaMATokenizer {
    fileprivate func ggufMetadata(rows: Int) throws -> [GGUF.Entry] {
        guard model.unigram == nil else {
            throw TokenizerError.unsupported(
                file: model.file, what: "a unigram vocabulary in a GGUF file",
                mend: "Convert to safetensors instead.")
        }
        let own = model.pieces.map { (text: $0.text, score: $0.score, kind: $0.kind) }
        let others = added.enumerated().map { index, text in
            let isSpecial = specialIDs.contains(index + model.vocabularySize)
            return (
                text: text, score: Float(-1000),
                kind: isSpecial ? SentencePieceModel.Kind.control : .userDefined
            )
        }
        return [entry("model", .string("llama")), entry("pre", .string("default"))]
            + arrays(own + others, rows: rows)
            + [
                entry("bos_token_id", .uint32(bosID)), entry("eos_token_id", .uint32(eosID)),
                entry("unknown_token_id", .uint32(unknownID)),
                entry("add_bos_token", .bool(true)), entry("add_eos_token", .bool(false)),
                entry("add_space_prefix", .bool(model.addsDummyPrefix)),
            ] + (padID.map { [entry("padding_token_id", .uint32($0))] } ?? [])
    }
}

extension Llama2CTokenizer {
    fileprivate var ggufMetadata: [GGUF.Entry] {
        typealias Token = (text: String, score: Float, kind: SentencePieceModel.Kind)
        let tokens = pieces.enumerated().map { id, bytes -> Token in
            switch id {
            case 0: return ("<unk>", 0, .unknown)
            case 1: return ("<s>", 0, .control)
            case 2: return ("</s>", 0, .control)
            case 3..<259: return (PairVocabulary.byteToken(UInt8(id - 3)), 0, .byte)
            default:
                let text = String(decoding: bytes, as: UTF8.self)
                return (text.replacing(" ", with: "\u{2581}"), scores[id], .normal)
            }
        }
        return [entry("model", .string("llama")), entry("pre", .string("default"))]
            + arrays(tokens, rows: tokens.count)
            + [
                entry("bos_token_id", .uint32(1)), entry("eos_token_id", .uint32(2)),
                entry("unknown_token_id", .uint32(0)), entry("add_bos_token", .bool(true)),
                entry("add_eos_token", .bool(false)), entry("add_space_prefix", .bool(true)),
            ]
    }
}

/// A byte-level `tokenizer.json` as GGUF files store it: tokens, merges, and the split rule's name.
private struct GGUFVocabulary {
    private let table: OrderedJSON
    private let file: String

    init(file: String) throws {
        let bytes = try TokenizerFiles.bytes(file)
        guard let table = try? bytes.withUnsafeBytes({ try OrderedJSON($0, depth: 32) }) else {
            throw TokenizerError.malformed(file: file, rule: "no valid JSON")
        }
        (self.table, self.file) = (table, file)
    }

    func metadata(rows: Int, tokenizer: JSONTokenizer) throws -> [GGUF.Entry] {
        let reader = TokenizerJSONReader(file: file)
        guard let rule = SplitRule.name(of: tokenizer.preTokenizer, table["pre_tokenizer"]) else {
            throw TokenizerError.unsupported(
                file: file, what: "its way of cutting text in a GGUF file",
                mend: "Put tokenizer.model beside it, or convert to safetensors.")
        }
        let added = try reader.added(table["added_tokens"])
        let vocabulary = (table["model"]?["vocab"]?.members ?? []).compactMap { member in
            member.value.number.map { (text: member.name, id: Int($0)) }
        }
        let count = max(rows, tokenizer.vocabularySize)
        var tokens = (0..<count).map {
            (text: "[PAD\($0)]", score: Float(0), kind: SentencePieceModel.Kind.unused)
        }
        for (text, id) in vocabulary { tokens[id] = (text, 0, .normal) }
        for token in added {
            tokens[token.id] = (token.text, 0, token.isSpecial ? .control : .userDefined)
        }
        let merges = (table["model"]?["merges"]?.elements ?? []).compactMap { merge in
            merge.text ?? merge.elements?.compactMap(\.text).joined(separator: " ")
        }
        let marks = [("bos", tokenizer.beginID), ("eos", tokenizer.endID)]
        return [entry("model", .string("gpt2")), entry("pre", .string(rule))]
            + arrays(tokens, rows: count).filter { !$0.key.hasSuffix("scores") }
            + [
                entry("merges", .array(GGUFArray(merges))),
                entry("add_bos_token", .bool(tokenizer.beginID != nil)),
            ]
            + marks.compactMap { name, id in id.map { entry("\(name)_token_id", .uint32($0)) } }
    }
}
