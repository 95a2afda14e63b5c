import FoundationEssentials
import ModelZoo

/// The byte-level vocabulary of a text encoder, with its published files.
struct TextVocabulary: Sendable {
    /// Ids of a text with its marks, padded or cut to a length.
    let tokenize: @Sendable (_ text: String, _ length: Int) -> [Int]
    /// How many tokens it has.
    let size: Int
    private let files: [(name: String, bytes: [UInt8])]

    private static let names = [
        "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json",
    ]

    /// Opens the vocabulary of a folder, or makes one of `size` tokens from the datasets' texts.
    ///
    /// - Throws: `TokenizerError`, `SettingsError`
    init(
        _ style: ByteLevelBPETrainer.Style, folder: String?, size: Int, _ source: PretrainingSource
    ) throws {
        if let folder {
            try self.init(style, source.path(folder))
            return
        }
        let trainer = try ByteLevelBPETrainer(style: style, vocabularySize: size)
        let vocabulary = try trainer.train(source.texts())
        // Written and read once, so that what is trained on is what the files say.
        let place = FileManager.default.temporaryDirectory.appending(
            component: "southgpt-\(UUID().uuidString)")
        let draft = try ComponentFolder(place.path)
        defer { try? FileManager.default.removeItem(at: place) }
        try vocabulary.write(to: draft.path)
        try self.init(style, draft.path)
    }

    private init(_ style: ByteLevelBPETrainer.Style, _ folder: String) throws {
        if style == .roberta {
            let tokenizer = try RobertaTokenizer(folder: folder)
            (tokenize, size) = ({ tokenizer.encode($0, length: $1).ids }, tokenizer.vocabularySize)
        } else {
            let tokenizer = try CLIPTokenizer(folder: folder)
            (tokenize, size) = ({ tokenizer.encode($0, length: $1) }, tokenizer.vocabularySize)
        }
        files = TextVocabulary.names.compactMap { name in
            FileManager.default.contents(atPath: "\(folder)/\(name)").map { (name, Array($0)) }
        }
    }

    /// Differs where the files do.
    var fingerprint: String { textFingerprint(of: files.lazy.flatMap(\.bytes)) }

    /// Writes the files as they were read.
    func write(to folder: String) throws { try ComponentFolder(folder).write(files) }
}

/// A short text that differs where bytes do: 64 bits of FNV-1a.
func textFingerprint(of bytes: some Sequence<UInt8>) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    return String(hash, radix: 16)
}
