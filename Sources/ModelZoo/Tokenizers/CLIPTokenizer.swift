// The tokenizer of CLIP's text encoders: Stable Diffusion's and ZeroScope's.
// Paper: Radford et al. 2021, arXiv:2103.00020. Reference: transformers 4.29.2, the slow
// `CLIPTokenizer` with ftfy.

/// CLIP's tokenizer: lower-cased words of byte-level BPE between two marks.
public struct CLIPTokenizer: Tokenizer {
    /// `<|startoftext|>`.
    public let startID: Int
    /// `<|endoftext|>`.
    public let endID: Int
    /// What sequences are filled with: the end mark in Stable Diffusion, 0 (`!`) in ZeroScope.
    public let padID: Int
    /// The published length of a sequence, marks included: 77.
    public let maximumLength: Int

    private let engine: ByteLevelBPE
    private let unknownID: Int
    private let cuts: AddedTokens
    /// The word pattern names the two marks too: cleaning may have made more of them.
    private let marks: AddedTokens

    /// Reads `vocab.json`, `merges.txt`, `tokenizer_config.json` and `special_tokens_map.json`;
    /// where the last two name different tokens, the last wins.
    ///
    /// - Throws: `TokenizerError` for a missing or damaged file
    public init(folder: String) throws {
        let engine = try ByteLevelBPE(folder: folder, suffix: "</w>")
        let settings = try TokenizerSettings(folder: folder)
        let (configured, map) = (settings.configured, settings.mapped)
        func token(
            _ key: (SpecialTokensMap) -> SpecialToken?, default text: String, plain: Bool = false
        ) -> SpecialToken {
            if let token = key(map) { return token }
            var token = key(configured) ?? SpecialToken(text, isPlain: true)
            if !plain { token.isPlain = false }
            return token
        }
        func id(_ token: SpecialToken) throws -> Int {
            guard let id = engine.ids[token.content] else {
                throw TokenizerError.malformed(
                    file: "\(folder)/vocab.json",
                    rule: "the special token '\(token.content)' is not in it")
            }
            return id
        }
        let start = token(\.bosToken, default: "<|startoftext|>")
        let end = token(\.eosToken, default: "<|endoftext|>")
        let unknown = token(\.unkToken, default: "<|endoftext|>")
        let pad = token(\.padToken, default: "<|endoftext|>", plain: true)
        startID = try id(start)
        endID = try id(end)
        unknownID = try id(unknown)
        padID = try id(pad)
        maximumLength = settings.maximumLength ?? 77
        var cuts = AddedTokens()
        cuts.add(special: [start, end, unknown, pad], plainStrips: true) { engine.ids[$0] }
        self.cuts = cuts
        var marks = AddedTokens()
        for (text, id) in [("<|startoftext|>", startID), ("<|endoftext|>", endID)] {
            marks.add(text, id: id, stripsLeft: false, stripsRight: false)
        }
        self.marks = marks
        self.engine = engine
    }

    /// How many ids there are.
    public var vocabularySize: Int { engine.tokens.count }

    /// The ids of a text, without marks.
    ///
    /// The padding token, spelled out in the text, is that token: where it is `!`, every `!` is.
    public func encode(_ text: String) -> [Int] {
        cuts.cut(text).flatMap { segment in
            switch segment {
            case .token(let id): return [id]
            case .text(let piece):
                return marks.cut(cleanedForCLIP(String(piece))).flatMap(encode)
            }
        }
    }

    /// What the words and marks of a cleaned text give.
    private func encode(_ segment: AddedTokens.Segment) -> [Int] {
        switch segment {
        case .token(let id): [id]
        case .text(let words):
            WordSplitting.clip.words(words).flatMap { engine.encode($0).map { $0 ?? unknownID } }
        }
    }

    /// The start mark, the ids of a text, the end mark, and padding up to `length`; a text too
    /// long loses its end, never the end mark.
    public func encode(_ text: String, length: Int) -> [Int] {
        precondition(length >= 2, "CLIPTokenizer.encode: length \(length), expected at least 2")
        let ids = [startID] + encode(text).prefix(length - 2) + [endID]
        return ids + [Int](repeating: padID, count: length - ids.count)
    }

    /// The text of ids, words divided by single spaces and marks written out.
    public func decode(_ ids: [Int]) -> String {
        var scalars = engine.decode(ids)[...].unicodeScalars
        scalars = scalars.drop(while: \.isPythonSpace)
        while let last = scalars.last, last.isPythonSpace { scalars.removeLast() }
        return String(scalars)
    }
}
