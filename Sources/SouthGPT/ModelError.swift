public import ModelZoo
public import TensorCore

/// Why a model cannot be opened, or a request not answered. Each text is one line: what, where,
/// what was expected, and what to do.
public enum ModelError: Error, Equatable {
    /// There is no folder at that path.
    case missingFolder(path: String)
    /// A new model was to go where files are already.
    case occupied(folder: String)
    /// A new model is larger than what is free on its disk.
    case noRoom(folder: String, needed: Int, free: Int)
    /// The folder has no `southgpt.json`.
    case missingManifest(folder: String)
    /// `southgpt.json` or another description cannot be understood.
    case malformed(file: String, reason: String)
    /// The manifest names a component that the system does not have.
    case unknownComponent(name: String, file: String, known: [String])
    /// The manifest does not list a component that the request needs.
    case unlistedComponent(name: String, file: String)
    /// A listed component is not where the manifest says.
    case missingComponent(name: String, path: String)
    /// A component is of a kind that is not known.
    case unsupportedKind(component: String, kind: String, known: [String], file: String)
    /// The vocabulary has no trained rows for the signal tokens.
    case missingSignalRows(rows: Int, expected: Int, file: String)
    /// A delta was trained without tokens that the system needs.
    case missingTokens([String], file: String)
    /// A delta was trained on another language model.
    case deltaOfAnotherBase(file: String, base: String)
    /// A delta's adapters are not of the size that was asked for.
    case otherAdapters(found: String, expected: String, file: String)
    /// An output projection gives other conditions than its decoder takes, `[rows, width]`.
    case otherConditions(projection: String, decoder: String, found: Shape, expected: Shape)
    /// The dialogue and the reply do not fit the model's context.
    case promptTooLong(tokens: Int, reply: Int, context: Int)
    /// A setting is outside its range.
    case invalidOption(name: String, found: String, expected: String)
    /// The model has no decoder for a modality that was asked for.
    case unavailableModality(Modality, available: [Modality])
    /// A request without text and media.
    case emptyRequest
    /// What the model makes of the next token is no number.
    case scoresNotFinite
    /// Published differences lie where the sum of them and LLaMA is expected.
    case bareDelta(file: String)
    /// Whole weights lie where published differences are expected.
    case noDelta(file: String)
    /// A folder has several of a part, and none by its published name.
    case severalParts(folder: String, found: [String])
    /// There is a `southgpt.json` where one was to be written.
    case presentManifest(file: String)
    /// A part is not the one whose hash the manifest has.
    case otherHash(component: String, found: String, expected: String, path: String)
}

extension ModelError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missingFolder(let path):
            "\(path): no such model folder. Give the folder that holds southgpt.json, or make a "
                + "tiny one: southgpt-checkpoint init --preset tiny --output \(path)"
        case .occupied(let folder):
            "\(folder): has files already, and nothing of them was touched. Name a new folder."
        case .noRoom(let folder, let needed, let free):
            "\(folder): the model takes \(needed / 1_000_000) MB, and \(free / 1_000_000) MB are free "
                + "there. Make room, or name a folder on another disk."
        case .missingManifest(let folder):
            "\(folder): has no southgpt.json, so it is not a model folder, no pretrained_ckpt/ as the "
                + "README's ckpt/ has, and no config.json as a language model has. Is the path right?"
        case .malformed(let file, let reason):
            "\(file): \(reason)"
        case .unknownComponent(let name, let file, let known):
            "\(file): unknown component '\(name)'. Known are: \(known.joined(separator: ", "))."
        case .unlistedComponent(let name, let file):
            "\(file): lists no component '\(name)', which this request needs. "
                + "Add it under \"components\" with its path."
        case .missingComponent(let name, let path):
            "\(path): the component '\(name)' is missing. "
                + "Put its files there, or correct its path in southgpt.json."
        case .unsupportedKind(let component, let kind, let known, let file):
            "\(file): component '\(component)' is of kind '\(kind)'. "
                + "Known kinds are: \(known.joined(separator: ", "))."
        case .missingSignalRows(let rows, let expected, let file):
            "\(file): the vocabulary has \(rows) rows, and with the signal tokens \(expected) are "
                + "needed. Load the delta that was trained for this model."
        case .missingTokens(let names, let file):
            "\(file): has no rows for \(names.count) tokens, such as '\(names.first ?? "")'. "
                + "Load the delta that was trained for this model."
        case .deltaOfAnotherBase(let file, let base):
            "\(file): was trained on another language model than \(base). "
                + "Use the one that it was trained on, or train a new delta in another folder."
        case .otherAdapters(let found, let expected, let file):
            "\(file): has adapters of \(found), expected \(expected). "
                + "Set lora_r and lora_alpha as the delta has them, or train in another folder."
        case .otherConditions(let projection, let decoder, let found, let expected):
            "\(decoder): this decoder takes \(ModelError.rows(expected)), and the output projection "
                + "\(projection) gives \(ModelError.rows(found)). "
                + "Use a delta and a decoder that were trained together."
        case .promptTooLong(let tokens, let reply, let context):
            "The dialogue has \(tokens) tokens and the reply may have \(reply); the model's "
                + "context holds \(context). Shorten the prompt or lower the reply's limit."
        case .invalidOption(let name, let found, let expected):
            "\(name) is \(found), expected \(expected)."
        case .unavailableModality(let modality, let available):
            "This model cannot make \(modality.rawValue). It can make: "
                + "\((["text"] + available.map(\.rawValue)).joined(separator: ", "))."
        case .bareDelta(let file):
            "\(file): these are Vicuna's differences from LLaMA, not its weights. Add them to LLaMA: "
                + "southgpt-checkpoint merge-delta --base LLAMA --delta THIS --output NEW"
        case .noDelta(let file):
            "\(file): these are a model's weights, not Vicuna's differences from LLaMA, and need no "
                + "merging. Give the delta's folder as --delta."
        case .severalParts(let folder, let found):
            "\(folder): has several of which one is needed: \(found.joined(separator: ", ")). "
                + "Name it: southgpt-checkpoint assemble --delta FOLDER, or write southgpt.json."
        case .presentManifest(let file):
            "\(file): is there already, and was left as it is. --replace writes it anew."
        case .otherHash(let component, let found, let expected, let path):
            "\(path): the component '\(component)' has the hash \(found), expected \(expected). "
                + "Was it changed or not copied whole? 'verify --write-hashes' accepts it as it is."
        case .scoresNotFinite:
            "the model's scores of the next token are not finite, expected numbers. Its weights may "
                + "be damaged: southgpt-checkpoint inspect --values FILE counts such numbers."
        case .emptyRequest:
            "Nothing was asked: give a prompt, a medium, or both."
        }
    }

    /// A condition in words: `[rows, width]`.
    private static func rows(_ shape: Shape) -> String {
        "\(shape[0]) row\(shape[0] == 1 ? "" : "s") of \(shape[1]) numbers"
    }
}
