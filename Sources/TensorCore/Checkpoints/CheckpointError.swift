/// Why weights could not be read or written. Each case names the file, what was found, what was
/// expected, and what to do about it.
public enum CheckpointError: Error, Equatable {
    /// The file or folder does not exist or cannot be read.
    case unreadable(file: String, reason: String)
    /// A file of several that an index names is not there.
    case missingShard(file: String, index: String)
    /// The bytes are no checkpoint, or one that breaks its format's rules.
    case malformed(file: String, rule: String)
    /// A format that is recognised and refused.
    case unsupported(file: String, what: String, mend: String)
    /// A pickle names something other than tensors. Nothing of it was run.
    case forbiddenPickle(file: String, name: String)
    /// A tensor that the network needs is not there.
    case missing(name: String, expected: Shape, file: String)
    /// The weights are another network's.
    case otherNetwork(name: String, expected: String, file: String)
    /// A tensor has another shape than the network's.
    case shapeMismatch(name: String, found: Shape, expected: Shape, file: String)
    /// A tensor holds another kind of numbers than the network's.
    case typeMismatch(name: String, found: DType, expected: String, file: String)
    /// Tensors that the network never asked for.
    case unexpected(names: [String], file: String)
    /// The file could not be written; what was there before still is.
    case unwritable(file: String, reason: String)
}

extension CheckpointError: CustomStringConvertible {
    public var description: String { text.onOneLine }

    private var text: String {
        switch self {
        case .unreadable(let file, let reason):
            "\(file): cannot be read: \(reason). Is the path right?"
        case .missingShard(let file, let index):
            "\(file): is missing, and \(index) names it. Download that file too, of the release that "
                + "the index is of."
        case .malformed(let file, let rule):
            "\(file): not a sound checkpoint: \(rule). Was the download complete?"
        case .unsupported(let file, let what, let mend):
            "\(file): \(what) is not supported. \(mend)"
        case .forbiddenPickle(let file, let name):
            "\(file): the pickle asks for '\(name)', which is not a tensor; nothing was run. "
                + "Take the file only from a source you trust, as safetensors."
        case .missing(let name, let expected, let file):
            "\(file): '\(name)' is missing, expected with shape \(expected). "
                + "Is config.json of the same release?"
        case .otherNetwork(let name, let expected, let file):
            "\(file): holds another network's weights, such as '\(name)', expected \(expected). "
                + "Give the files of such a model."
        case .shapeMismatch(let name, let found, let expected, let file):
            "\(file): '\(name)' has shape \(found), expected \(expected). "
                + "Is config.json of the same release?"
        case .typeMismatch(let name, let found, let expected, let file):
            "\(file): '\(name)' holds \(found), expected \(expected)."
        case .unexpected(let names, let file):
            "\(file): \(names.count) tensors that the network does not have: "
                + names.prefix(4).map { "'\($0)'" }.joined(separator: ", ")
                + (names.count > 4 ? ", …" : "") + ". Is config.json of the same release?"
        case .unwritable(let file, let reason):
            "\(file): cannot be written: \(reason). Is there room, and may you write there?"
        }
    }
}

extension String {
    /// The text as an error shows it, whatever names a file put into it: one line, no characters that
    /// control a terminal, and of some length at most.
    package var onOneLine: String {
        let longest = 2_000
        var shown = String.UnicodeScalarView()
        for scalar in unicodeScalars.prefix(longest) {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: shown.append("\u{FFFD}")
            default: shown.append(scalar)
            }
        }
        return String(shown) + (unicodeScalars.dropFirst(longest).isEmpty ? "" : "…")
    }
}
