import TensorCore

/// Why a tokenizer's files could not be read, written or trained. Each case names the file, what
/// was found, what was expected, and what to do about it.
public enum TokenizerError: Error, Equatable {
    /// The file does not exist or cannot be read.
    case unreadable(file: String, reason: String)
    /// None of the files that hold a tokenizer is beside the weights.
    case absent(folder: String)
    /// The file breaks a rule of its format.
    case malformed(file: String, rule: String)
    /// A kind of tokenizer that is recognised and refused.
    case unsupported(file: String, what: String, mend: String)
    /// The file could not be written; what was there before still is.
    case unwritable(file: String, reason: String)
    /// A vocabulary too small to hold what every vocabulary of its kind holds.
    case vocabularyTooSmall(found: Int, least: Int)
}

extension TokenizerError: CustomStringConvertible {
    /// One line: file, what was found, what was expected, what to do.
    public var description: String { text.onOneLine }

    private var text: String {
        switch self {
        case .unreadable(let file, let reason):
            "\(file): cannot be read: \(reason). Is the path right?"
        case .absent(let folder):
            "\(folder): has no tokenizer, expected tokenizer.json or tokenizer.model. Put that of the "
                + "weights' release there."
        case .malformed(let file, let rule):
            "\(file): not a sound tokenizer file: \(rule). Was the download complete?"
        case .unsupported(let file, let what, let mend):
            "\(file): \(what) is not supported. \(mend)"
        case .unwritable(let file, let reason):
            "\(file): cannot be written: \(reason). Is there room, and may you write there?"
        case .vocabularyTooSmall(let found, let least):
            "A vocabulary of \(found) tokens was asked for, expected at least \(least): the special "
                + "tokens and one for every byte. Ask for more."
        }
    }
}
