// The tokenizers that GGUF files carry among their metadata.
// Source: gguf 0.19 `constants.py`.

package import TensorCore

extension GGUF {
    /// The tokenizer of this file.
    ///
    /// - Throws: `TokenizerError` where the file has none, or one that is not known
    package func tokenizer() throws -> any TextTokenizer {
        switch self["tokenizer.ggml.model"]?.text {
        case "llama": return try sentencePieces()
        case "gpt2": return try bytePairs()
        case let kind:
            throw TokenizerError.unsupported(
                file: checkpoint.file, what: "the tokenizer '\(kind ?? "none")' in a GGUF file",
                mend: "Use a LLaMA, Mistral or Qwen2 model.")
        }
    }

    private func malformed(_ rule: String) -> TokenizerError {
        .malformed(file: checkpoint.file, rule: rule)
    }

    func texts(_ key: String) throws -> [String] {
        guard let texts = self["tokenizer.ggml.\(key)"]?.array?.strings else {
            throw malformed("it has no tokenizer.ggml.\(key)")
        }
        return texts
    }

    /// The id of a mark; nil where the file names none.
    func id(_ key: String, of count: Int) throws -> Int? {
        let key = "tokenizer.ggml.\(key)_token_id"
        guard let id = self[key]?.integer else { return nil }
        guard (0..<count).contains(id) else {
            throw malformed("\(key) is \(id), it has \(count) tokens")
        }
        return id
    }

    /// The types of the tokens, ordinary ones where the file says nothing.
    func kinds(_ count: Int) throws -> [SentencePieceModel.Kind] {
        guard let numbers = self["tokenizer.ggml.token_type"]?.array?.numbers else {
            return [SentencePieceModel.Kind](repeating: .normal, count: count)
        }
        guard numbers.count == count else { throw malformed("it has types for other tokens") }
        return try numbers.enumerated().map { token, number in
            guard let kind = Int(exactly: number) else {
                throw malformed("token \(token) is of type \(number), expected 1 to 6")
            }
            return SentencePieceModel.Kind(rawValue: kind) ?? .normal
        }
    }

    private func sentencePieces() throws -> LLaMATokenizer {
        let texts = try texts("tokens")
        let kinds = try kinds(texts.count)
        let scores = self["tokenizer.ggml.scores"]?.array?.numbers ?? []
        guard scores.count == texts.count, !texts.contains("") else {
            throw malformed("its tokens have \(scores.count) scores, expected \(texts.count)")
        }
        let pieces = texts.indices.map {
            SentencePieceModel.Piece(texts[$0], score: Float(scores[$0]), kind: kinds[$0])
        }
        var (trainer, normalizer) = (ProtobufMessage(), ProtobufMessage())
        trainer.add(3, int: 2)
        if kinds.contains(.byte) { trainer.add(35, int: 1) }
        normalizer.add(3, int: self["tokenizer.ggml.add_space_prefix"]?.bool == false ? 0 : 1)
        normalizer.add(4, int: 0)
        let model = try SentencePieceModel(
            pieces: pieces, trainerSpec: trainer, normalizerSpec: normalizer,
            file: checkpoint.file)
        func text(_ key: String) throws -> String? {
            try id(key, of: texts.count).map { texts[$0] }
        }
        return try LLaMATokenizer(
            model: model, begin: text("bos"), end: text("eos"),
            others: pieces.filter { $0.kind == .control }.map(\.text))
    }

    func bytePairs() throws -> JSONTokenizer {
        let texts = try texts("tokens")
        let kinds = try kinds(texts.count)
        let vocabulary = texts.enumerated().map { (text: $1, id: $0) }
        let merges = try pairs()
        let added = texts.indices.filter { GGUF.isAdded(kinds[$0]) }.map {
            JSONTokenizer.Added(
                text: texts[$0], id: $0, isSpecial: kinds[$0] == .control, stripsLeft: false)
        }
        let split = try splitRule()
        var options = PairVocabulary.Options()
        options.ignoresMerges = split.ignoresMerges
        let model: PairVocabulary
        do {
            model = try PairVocabulary(vocabulary, merges, options)
        } catch let failure as PairVocabulary.Failure {
            throw malformed(failure.rule)
        }
        if let long = added.first(where: { $0.text.utf8.count > TokenizerFiles.longestToken }) {
            throw malformed(TokenizerFiles.tooLong(token: long.id, long.text))
        }
        let begins = self["tokenizer.ggml.add_bos_token"]?.bool ?? split.begins
        let begin = begins ? try id("bos", of: texts.count) : nil
        return JSONTokenizer(
            model: .bpe(model), vocabulary: vocabulary, added: added, normalizer: nil,
            preTokenizer: try split.preTokenizer(), decoder: .byteLevel,
            marks: (begin.map { [$0] } ?? [], []), beginID: begin,
            endID: try id("eos", of: texts.count))
    }

    /// How text is cut before pairs are merged.
    func splitRule() throws -> SplitRule {
        let rule = self["tokenizer.ggml.pre"]?.text ?? "default"
        guard let split = SplitRule.named[rule] else {
            throw TokenizerError.unsupported(
                file: checkpoint.file, what: "the split rule '\(rule)'",
                mend: "Use a LLaMA, Mistral, Qwen2 or SmolLM2 model.")
        }
        return split
    }

    func pairs() throws -> [(String, String)] {
        try texts("merges").map { merge in
            let halves = merge.utf8.split(separator: 0x20, omittingEmptySubsequences: false)
            guard halves.count == 2 else { throw malformed("the merge '\(merge)' is no pair") }
            return (
                String(decoding: halves[0], as: UTF8.self),
                String(decoding: halves[1], as: UTF8.self)
            )
        }
    }
}

extension LLaMAFiles {
    /// The tokenizer that belongs to the files opened from `path`: of the GGUF file itself, or
    /// `tokenizer.json`, `tokenizer.model` or llama2.c's `tokenizer.bin` beside the weights.
    ///
    /// - Throws: `TokenizerError`
    public func tokenizer(beside path: String) throws -> any TextTokenizer {
        if let gguf { return try gguf.tokenizer() }
        let folder = tokenizerFolder(path)
        if TokenizerFiles.exists("\(folder)/tokenizer.json") {
            return try JSONTokenizer(contentsOf: "\(folder)/tokenizer.json")
        }
        if form == .llama2C
            || (TokenizerFiles.exists("\(folder)/tokenizer.bin")
                && !TokenizerFiles.exists("\(folder)/tokenizer.model"))
        {
            return try Llama2CTokenizer(contentsOf: "\(folder)/tokenizer.bin")
        }
        guard TokenizerFiles.exists("\(folder)/tokenizer.model") else {
            throw TokenizerError.absent(folder: folder)
        }
        return try LLaMATokenizer(folder: folder)
    }

    /// Where the tokenizer's files are. Meta's first release has one for all sizes, a folder above.
    func tokenizerFolder(_ path: String) -> String {
        guard TokenizerFiles.isFolder(path) else {
            return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        }
        let above = "\(path)/.."
        let isAbove =
            form == .meta && !TokenizerFiles.exists("\(path)/tokenizer.model")
            && TokenizerFiles.exists("\(above)/tokenizer.model")
        return isAbove ? above : path
    }
}
