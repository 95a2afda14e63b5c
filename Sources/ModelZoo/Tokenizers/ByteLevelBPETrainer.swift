// Making byte-level vocabularies of our own, in the files of CLIP's and RoBERTa's.

/// Trains byte-level BPE vocabularies and writes them under the published file names.
public struct ByteLevelBPETrainer: Sendable {
    /// Whose files are made.
    public enum Style: Equatable, Sendable {
        /// CLIP's: lower case, `</w>` at the ends of words, the two marks last. `padding` is
        /// what `special_tokens_map.json` names: `<|endoftext|>` in Stable Diffusion, `!` in
        /// ZeroScope.
        case clip(padding: String = "<|endoftext|>")
        /// RoBERTa's: `<s>`, `<pad>`, `</s>`, `<unk>` first, `<mask>` last.
        case roberta

        fileprivate var suffix: String { self == .roberta ? "" : "</w>" }
        fileprivate var first: [String] {
            self == .roberta ? ["<s>", "<pad>", "</s>", "<unk>"] : []
        }
        fileprivate var last: [String] {
            self == .roberta ? ["<mask>"] : ["<|startoftext|>", "<|endoftext|>"]
        }
    }

    /// A trained vocabulary.
    public struct Vocabulary: Equatable, Sendable {
        /// The tokens in the order of their ids, bytes as the files spell them.
        public let tokens: [String]
        /// The lines of `merges.txt` after its header, each `left right`.
        public let merges: [String]
        /// Whose files they are for.
        public let style: Style
    }

    /// Whose files are made.
    public let style: Style
    /// How many tokens the vocabulary shall have, special ones included.
    public let vocabularySize: Int

    /// A trainer for vocabularies of that size.
    ///
    /// - Throws: `TokenizerError.vocabularyTooSmall` for fewer than the bytes and the special
    ///   tokens: 514 for CLIP, 261 for RoBERTa
    public init(style: Style, vocabularySize: Int) throws {
        let bytes = style.suffix.isEmpty ? 256 : 512
        let least = bytes + style.first.count + style.last.count
        guard vocabularySize >= least else {
            throw TokenizerError.vocabularyTooSmall(found: vocabularySize, least: least)
        }
        self.style = style
        self.vocabularySize = vocabularySize
    }

    /// The vocabulary of some texts. It is smaller than asked for where they give no more pairs to
    /// merge. The same texts give the same vocabulary.
    public func train(_ texts: [String]) -> Vocabulary {
        let words = BPETraining.counted(
            texts.lazy.flatMap { text in
                style == .roberta
                    ? WordSplitting.gpt2.words(text.unicodeScalars)
                    : WordSplitting.clip.words(cleanedForCLIP(text).unicodeScalars)
            })
        let order = ByteLevelBPE.Alphabet.order
        let characters = order.map { ByteLevelBPE.Alphabet.text([$0]) }
        let base =
            style.suffix.isEmpty ? characters : characters + characters.map { $0 + style.suffix }
        var places = [Int](repeating: 0, count: 256)
        for (place, byte) in order.enumerated() { places[Int(byte)] = place }

        let room = vocabularySize - base.count - style.first.count - style.last.count
        var training = BPETraining(
            symbols: base.map { Array($0.utf8) },
            words: words.map { word, count in
                var symbols = word.map { places[Int($0)] }
                if !style.suffix.isEmpty { symbols[symbols.count - 1] += 256 }
                return (symbols: symbols, count: count)
            })
        training.run(limit: room)
        let texts = training.symbols.map { String(decoding: $0, as: UTF8.self) }
        // Two ways of merging may make the same text, which is one token.
        var seen: Set<String> = []
        let tokens = (style.first + texts + style.last).filter { seen.insert($0).inserted }
        return Vocabulary(
            tokens: tokens,
            merges: training.merges.map { "\(texts[$0.left]) \(texts[$0.right])" }, style: style)
    }
}

extension ByteLevelBPETrainer.Vocabulary {
    /// With made-up words before the last marks, so that these have the ids of a larger vocabulary.
    package func padded(to count: Int) -> Self {
        let (last, missing) = (style.last, max(0, count - tokens.count))
        let words = (0..<missing).map { "madeupword\($0)" }
        return Self(
            tokens: tokens.dropLast(last.count) + words + last, merges: merges, style: style)
    }

    /// Writes `vocab.json`, `merges.txt`, `tokenizer_config.json` and `special_tokens_map.json`
    /// into a folder that exists.
    ///
    /// - Throws: `TokenizerError.unwritable`
    public func write(to folder: String) throws {
        let ids = Dictionary(
            tokens.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let lines = ["#version: 0.2"] + merges
        try TokenizerFiles.write(json: ids, to: "\(folder)/vocab.json")
        try TokenizerFiles.write(
            (lines.joined(separator: "\n") + "\n").utf8, to: "\(folder)/merges.txt")
        var config: Config
        var map: SpecialTokensMap
        switch style {
        case .clip(let padding):
            map = SpecialTokensMap(
                bosToken: SpecialToken("<|startoftext|>"), eosToken: SpecialToken("<|endoftext|>"),
                unkToken: SpecialToken("<|endoftext|>"),
                padToken: SpecialToken(padding, isPlain: true))
            config = Config(
                padToken: "<|endoftext|>", modelMaxLength: 77, tokenizerClass: "CLIPTokenizer")
            config.doLowerCase = true
            (config.bosToken, config.eosToken) = ("<|startoftext|>", "<|endoftext|>")
            config.unkToken = "<|endoftext|>"
        case .roberta:
            func plain(_ text: String) -> SpecialToken { SpecialToken(text, isPlain: true) }
            var mask = SpecialToken("<mask>")
            (mask.lstrip, mask.normalized) = (true, false)
            map = SpecialTokensMap(
                bosToken: plain("<s>"), eosToken: plain("</s>"), unkToken: plain("<unk>"),
                sepToken: plain("</s>"), padToken: plain("<pad>"), clsToken: plain("<s>"),
                maskToken: mask)
            config = Config(
                padToken: "<pad>", modelMaxLength: 512, tokenizerClass: "RobertaTokenizer")
            (config.bosToken, config.eosToken, config.unkToken) = ("<s>", "</s>", "<unk>")
            (config.clsToken, config.sepToken, config.maskToken) = ("<s>", "</s>", "<mask>")
        }
        try TokenizerFiles.write(json: map, to: "\(folder)/special_tokens_map.json")
        try TokenizerFiles.write(json: config, to: "\(folder)/tokenizer_config.json")
    }

    private struct Config: Encodable {
        var addPrefixSpace = false
        var errors = "replace"
        var bosToken: String?
        var clsToken: String?
        var doLowerCase: Bool?
        var eosToken: String?
        var maskToken: String?
        var padToken: String
        var sepToken: String?
        var unkToken: String?
        var modelMaxLength: Int
        var tokenizerClass: String
    }
}
