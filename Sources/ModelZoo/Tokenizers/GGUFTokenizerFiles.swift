// The way back from a GGUF file: its tokenizer as the files that releases of Hugging Face have.

import FoundationEssentials
import TensorCore

extension LLaMAFiles {
    /// Writes the tokenizer that belongs to the files opened from `path` into a folder that exists.
    ///
    /// - Throws: `TokenizerError` where there is none, or one that is not known
    package func writeTokenizer(beside path: String, to folder: String) throws {
        if let gguf, gguf["tokenizer.ggml.model"]?.text == "gpt2" {
            try gguf.writePairTokenizer(to: folder)
        } else if form == .llama2C {
            // No other program reads its kind, ours does beside any weights.
            try TokenizerFiles.write(
                TokenizerFiles.bytes("\(tokenizerFolder(path))/tokenizer.bin"),
                to: "\(folder)/tokenizer.bin")
        } else if let tokenizer = try tokenizer(beside: path) as? LLaMATokenizer {
            try tokenizer.write(to: folder)
        }
    }
}

extension GGUF {
    private struct Settings: Encodable {
        var addBosToken: Bool
        var bosToken: String?
        var eosToken: String?
        var chatTemplate: String?
        var tokenizerClass = "PreTrainedTokenizerFast"
    }

    /// Writes `tokenizer.json` and `tokenizer_config.json` of a byte-level vocabulary.
    fileprivate func writePairTokenizer(to folder: String) throws {
        // What cannot be read cannot be written either.
        let tokenizer = try bytePairs()
        let (texts, rule) = (try texts("tokens"), try splitRule())
        let kinds = try kinds(texts.count)
        let quoted = OrderedJSON.quoted
        let added = texts.indices.filter { Self.isAdded(kinds[$0]) }.map { id in
            "{\"id\":\(id),\"content\":\(quoted(texts[id])),\"single_word\":false,\"lstrip\":false,"
                + "\"rstrip\":false,\"normalized\":false,\"special\":\(kinds[id] == .control)}"
        }
        let cuts = rule.patterns.map {
            "{\"type\":\"Split\",\"pattern\":{\"Regex\":\(quoted($0))},"
                + "\"behavior\":\"Isolated\",\"invert\":false},"
        }
        let bytes = { (cutting: Bool) in
            "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,"
                + "\"use_regex\":\(cutting)}"
        }
        func text(_ id: Int?) -> String? {
            id.flatMap { texts.indices.contains($0) ? texts[$0] : nil }
        }
        var marks = bytes(true)
        if let id = tokenizer.beginID, let begin = text(id).map(quoted) {
            let one = "{\"SpecialToken\":{\"id\":\(begin),\"type_id\":0}},"
            let parts = ["A", "B"].map { "{\"Sequence\":{\"id\":\"\($0)\",\"type_id\":0}}" }
            marks =
                "{\"type\":\"TemplateProcessing\",\"single\":[\(one)\(parts[0])],"
                + "\"pair\":[\(one)\(parts.joined(separator: ","))],\"special_tokens\":{\(begin):"
                + "{\"id\":\(begin),\"ids\":[\(id)],\"tokens\":[\(begin)]}}}"
        }
        let vocabulary = texts.indices.filter { !Self.isAdded(kinds[$0]) && kinds[$0] != .unused }
            .map { "\(quoted(texts[$0])):\($0)" }
        let merges = try pairs().map { quoted("\($0) \($1)") }
        let json =
            "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,"
            + "\"added_tokens\":[\(added.joined(separator: ","))],\"normalizer\":null,"
            + "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":"
            + "[\(cuts.joined())\(bytes(false))]},\"post_processor\":\(marks),"
            + "\"decoder\":\(bytes(true)),\"model\":{\"type\":\"BPE\",\"dropout\":null,"
            + "\"unk_token\":null,\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,"
            + "\"fuse_unk\":false,\"byte_fallback\":false,\"ignore_merges\":\(rule.ignoresMerges),"
            + "\"vocab\":{\(vocabulary.joined(separator: ","))},"
            + "\"merges\":[\(merges.joined(separator: ","))]}}"
        try TokenizerFiles.write(json.utf8, to: "\(folder)/tokenizer.json")
        try TokenizerFiles.write(
            json: Settings(
                addBosToken: tokenizer.beginID != nil,
                bosToken: text(try id("bos", of: texts.count)),
                eosToken: text(try id("eos", of: texts.count)),
                chatTemplate: self["tokenizer.chat_template"]?.text),
            to: "\(folder)/tokenizer_config.json")
    }

    /// Whether a token is found in the text before anything else.
    static func isAdded(_ kind: SentencePieceModel.Kind) -> Bool {
        kind == .control || kind == .userDefined
    }
}
