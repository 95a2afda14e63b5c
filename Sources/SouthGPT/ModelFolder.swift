public import Dialogue
import FoundationEssentials
public import ModelZoo
import TensorCore

/// What `southgpt.json` says: which parts a model is made of and where they lie.
public struct ModelManifest: Codable, Equatable, Sendable {
    /// One part: a file or a folder, relative to the manifest's folder.
    public struct Component: Codable, Equatable, Sendable {
        public var path: String
        public var kind: String
        public var sha256: String?

        /// A part of that kind.
        public init(path: String, kind: String, sha256: String? = nil) {
            self.path = path
            self.kind = kind
            self.sha256 = sha256
        }
    }

    public var format: Int
    public var name: String
    public var components: [String: Component]
    public var signalTokens: SignalTokens?
    public var defaults: GenerationOptions?
    /// Prompts that show what the model can do.
    public var examples: [String]?

    /// A manifest of the present format.
    public init(
        name: String, components: [String: Component], signalTokens: SignalTokens? = nil,
        defaults: GenerationOptions? = nil, examples: [String]? = nil
    ) {
        format = ModelManifest.currentFormat
        self.name = name
        self.components = components
        self.signalTokens = signalTokens
        self.defaults = defaults
        self.examples = examples
    }

    /// Writes `southgpt.json` into a folder.
    ///
    /// - Throws: `CheckpointError.unwritable`
    public func write(to folder: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let file = "\(folder)/\(ModelManifest.fileName)"
        do {
            try encoder.encode(self).write(to: URL(filePath: file), options: .atomic)
        } catch {
            throw CheckpointError.unwritable(file: file, reason: "\(error)")
        }
    }

    /// The file's name within a model folder.
    public static let fileName = "southgpt.json"
    static let currentFormat = 1

    /// The parts that the system knows, and the kinds of each that it can load.
    static let kinds: [String: [String]] = [
        "encoder": ["imagebind"],
        "llm": ["llama"],
        "tokenizer": ["sentencepiece"],
        "delta": ["southgpt"],
        "inputProjection": ["linear"],
        "outputProjection.image": ["transformer", "linear"],
        "outputProjection.audio": ["transformer", "linear"],
        "outputProjection.video": ["transformer", "linear"],
        "decoder.image": ["diffusers"],
        "decoder.audio": ["diffusers"],
        "decoder.video": ["diffusers"],
    ]
}

/// A folder with `southgpt.json`: the one form in which every model, tiny or full-size, is opened.
/// The README's `ckpt/`, or a delta in it, is one whose manifest is found by looking.
public struct ModelFolder: Sendable {
    /// The folder's path.
    public let path: String
    /// What the folder's manifest says.
    public let manifest: ModelManifest

    /// Reads the manifest and checks that every part it lists is there.
    ///
    /// - Throws: `ModelError`
    public init(_ path: String) throws {
        guard FileManager.default.isFolder(path) else {
            throw ModelError.missingFolder(path: path)
        }
        let file = "\(path)/\(ModelManifest.fileName)"
        guard let data = FileManager.default.contents(atPath: file) else {
            if let layout = CheckpointLayout(path) {
                try self.init(path, manifest: layout.manifest())
            } else if let layout = CheckpointLayout(around: path) {
                try self.init(layout.path, manifest: layout.manifest(delta: path))
            } else {
                throw ModelError.missingManifest(folder: path)
            }
            return
        }
        let manifest: ModelManifest
        do {
            manifest = try JSONDecoder().decode(ModelManifest.self, from: data)
        } catch {
            throw ModelError.malformed(file: file, reason: ModelFolder.reason(error))
        }
        try self.init(path, manifest: manifest)
    }

    /// A folder whose parts lie where a manifest that it need not hold says.
    ///
    /// - Throws: `ModelError`
    package init(_ path: String, manifest: ModelManifest) throws {
        self.path = path
        self.manifest = manifest
        let file = "\(path)/\(ModelManifest.fileName)"
        guard manifest.format == ModelManifest.currentFormat else {
            throw ModelError.malformed(
                file: file,
                reason: "is of format \(manifest.format), this program reads format "
                    + "\(ModelManifest.currentFormat).")
        }
        for (name, component) in manifest.components.sorted(by: { $0.key < $1.key }) {
            guard let kinds = ModelManifest.kinds[name] else {
                throw ModelError.unknownComponent(
                    name: name, file: file, known: ModelManifest.kinds.keys.sorted())
            }
            guard kinds.contains(component.kind) else {
                throw ModelError.unsupportedKind(
                    component: name, kind: component.kind, known: kinds, file: file)
            }
            let place = self.place(of: component)
            guard FileManager.default.fileExists(atPath: place) else {
                throw ModelError.missingComponent(name: name, path: place)
            }
        }
    }

    /// The modalities that the folder has a decoder for.
    public var modalities: [Modality] {
        Modality.allCases.filter { manifest.components["decoder.\($0.rawValue)"] != nil }
    }

    /// Where a part lies.
    ///
    /// - Throws: `ModelError.unlistedComponent`
    public func path(of name: String) throws -> String {
        guard let component = manifest.components[name] else {
            throw ModelError.unlistedComponent(
                name: name, file: "\(path)/\(ModelManifest.fileName)")
        }
        return place(of: component)
    }

    private func place(of component: ModelManifest.Component) -> String {
        component.path.hasPrefix("/") ? component.path : "\(path)/\(component.path)"
    }

    private static func reason(_ error: any Error) -> String {
        switch error as? DecodingError {
        case .keyNotFound(let key, _): "lacks the key '\(key.stringValue)'."
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "has the wrong kind of value at "
                + "'\(context.codingPath.map(\.stringValue).joined(separator: "."))'."
        default: "is not valid JSON. Is the file whole?"
        }
    }
}

extension FileManager {
    func isFolder(_ path: String) -> Bool {
        var isFolder = false
        return fileExists(atPath: path, isDirectory: &isFolder) && isFolder
    }

    /// The names in a folder, sorted; none where there is no folder.
    func names(in folder: String) -> [String] {
        (try? contentsOfDirectory(atPath: folder))?.sorted() ?? []
    }
}
