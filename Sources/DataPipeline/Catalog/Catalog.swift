import FoundationEssentials
public import ModelZoo
import TensorCore

/// Which way a dataset's samples go: what the model is given and what it answers with.
public enum DatasetType: String, Codable, CaseIterable, Sendable {
    case imageToText = "ImageToText"
    case videoToText = "VideoToText"
    case audioToText = "AudioToText"
    case textToImage = "TextToImage"
    case textToVideo = "TextToVideo"
    case textToAudio = "TextToAudio"
    case textToText = "TextToText"
    /// Media on both sides, as each dialogue has them.
    case anyToAny = "AnyToAny"

    /// The medium that the model is given; nil where it is given text alone.
    public var input: Modality? {
        switch self {
        case .imageToText: .image
        case .videoToText: .video
        case .audioToText: .audio
        default: nil
        }
    }

    /// The medium that it answers with; nil where it answers with text alone.
    public var output: Modality? {
        switch self {
        case .textToImage: .image
        case .textToVideo: .video
        case .textToAudio: .audio
        default: nil
        }
    }

    /// The medium on either side; nil where both are text.
    public var medium: Modality? { input ?? output }
}

/// How a dataset's file is laid out.
public enum DatasetFormat: String, Codable, Sendable {
    /// One medium and one caption an item.
    case pair
    /// Conversations whose answers ask for a medium.
    case t2x
    /// Conversations that begin with a medium, or with none.
    case tx2t
    /// Conversations with media as tags in the text of either side.
    case mosit
}

/// One entry of the catalog, its paths made absolute or relative to the working folder.
public struct DatasetEntry: Equatable, Sendable {
    /// The name that `dataset_name_list` uses.
    public let name: String
    /// How the file is laid out.
    public let format: DatasetFormat
    /// Which way the samples go.
    public let type: DatasetType
    /// The file: JSON, a table, or shards.
    public let dataPath: String
    /// Files as they are published, which `southgpt-preprocess` makes `dataPath` from.
    public let rawPaths: [String]
    /// The folder of the media, where there are any.
    public let mediaRoot: String?
    /// The folder of the captions' embeddings, where the type needs them.
    public let embeddings: String?

    /// An entry that no catalog lists.
    public init(
        name: String, format: DatasetFormat, type: DatasetType, dataPath: String,
        rawPaths: [String] = [], mediaRoot: String? = nil, embeddings: String? = nil
    ) {
        self.name = name
        self.format = format
        self.type = type
        self.dataPath = dataPath
        self.rawPaths = rawPaths
        self.mediaRoot = mediaRoot
        self.embeddings = embeddings
    }
}

/// The datasets by name, as `Configs/catalog.yaml` lists them.
///
/// - Source: NExT-GPT's dataset catalog, with its defects mended (`audiocap_enc` names a module
///   that exists, the T2X embeddings are looked for where they are written, VideoChat has media)
public struct Catalog: Sendable {
    /// The entries, in name order.
    public let entries: [DatasetEntry]
    private let file: String

    /// Reads a catalog; relative paths in it start at `root`, and folders are found under either
    /// of the names that the README uses for them.
    ///
    /// - Throws: `SettingsError` for unknown keys, wrong values and missing files
    public init(contentsOf file: String, root: String = ".") throws {
        try self.init(contentsOf: [file], root: root)
    }

    /// Reads catalogs laid over one another: a later one adds datasets, and changes what it names
    /// of an earlier one's.
    ///
    /// - Throws: `SettingsError`
    public init(contentsOf files: [String], root: String = ".") throws {
        var settings = try Settings("{}", name: files.joined(separator: ", "))
        for file in files { try settings.overlay(Settings(contentsOf: file)) }
        let listed = try settings.decode([String: ListedDataset].self)
        func place(_ path: String) -> String {
            existingSpelling(of: resolvedPath(path, root: root))
        }
        entries = listed.sorted { $0.key < $1.key }.map { name, dataset in
            DatasetEntry(
                name: name, format: dataset.loader, type: dataset.type,
                dataPath: place(dataset.dataPath), rawPaths: (dataset.rawPaths ?? []).map(place),
                mediaRoot: dataset.mmRootPath.map(place),
                embeddings: dataset.embedPath.map(place))
        }
        self.file = settings.name
    }

    /// The catalog that comes with the package: in `Configs` under `root`, or where the package's
    /// files are installed.
    ///
    /// - Throws: `ResourceError`, with every place that was looked in
    public static func standardFile(root: String = ".") throws -> String {
        let local = "\(root)/Configs/catalog.yaml"
        if FileManager.default.fileExists(atPath: local) { return local }
        let lookup = ResourceLookup(
            name: "Configs", marker: "catalog.yaml", variable: "SOUTHGPT_CONFIGS",
            mend: "Run in the repository's folder, name it with --root, or name a catalog.")
        return try lookup.folder() + "/catalog.yaml"
    }

    /// The package's catalog with `own` laid over it; `own` alone where the package's is not there.
    ///
    /// - Throws: `ResourceError` where there is neither
    public static func files(layingOver own: [String], root: String = ".") throws -> [String] {
        do {
            return [try standardFile(root: root)] + own
        } catch is ResourceError where !own.isEmpty {
            return own
        }
    }

    /// The entry of that name.
    ///
    /// - Throws: `SettingsError.unknownDataset`, which lists the valid names
    public func entry(_ name: String) throws -> DatasetEntry {
        guard let entry = entries.first(where: { $0.name == name }) else {
            throw SettingsError.unknownDataset(
                name: name, file: file, valid: entries.map(\.name))
        }
        return entry
    }
}

/// One entry as the file has it; key names are the reference's.
private struct ListedDataset: Decodable {
    var loader: DatasetFormat
    var type: DatasetType
    var dataPath: String
    var rawPaths: [String]?
    var mmRootPath: String?
    var embedPath: String?
}

/// The names that the README has for one folder; its tree and its text differ.
private let folderSpellings = [
    ["T-T+X_data", "T-T+X"], ["T+X-T_data", "T+X-T"], ["MosIT_data", "MosIT"],
    ["T-X_pair_data", "T-X_pair"], ["audiocap", "audiocaps"], ["audios", "audio"],
]

/// The path itself, or where nothing is there the same path with one of its folders spelled the
/// other way, if that is there.
package func existingSpelling(of path: String) -> String {
    let isThere = FileManager.default.fileExists(atPath:)
    var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    // Folder by folder from the top, so that several may differ.
    for index in parts.indices {
        let head = parts[...index].joined(separator: "/")
        guard !head.isEmpty, !isThere(head),
            let spellings = folderSpellings.first(where: { $0.contains(parts[index]) })
        else { continue }
        let other = spellings.first { name in
            isThere((parts[..<index] + [name]).joined(separator: "/"))
        }
        if let other { parts[index] = other }
    }
    return parts.joined(separator: "/")
}

/// A path of a config seen from `root`. The README that users come from runs its programs in
/// `code/`, so a leading `../` is the root itself.
package func resolvedPath(_ path: String, root: String) -> String {
    if path.hasPrefix("/") { return path }
    let inside = path.hasPrefix("../") ? String(path.dropFirst(3)) : path
    return root == "." ? inside : "\(root)/\(inside)"
}

/// A file of captions and the folder for their embeddings, as a user typed them or as the README has
/// them. A file that is there as typed is taken so, and the folder too; if not, both are seen from
/// `root`, where the README's `../data`, seen from its `code/`, is `data`.
public func readmePaths(
    captions: String, output: String, root: String
) -> (captions: String, output: String) {
    // Shards are a pattern, not a file: their folder decides.
    func isThere(_ path: String) -> Bool {
        let isPattern = RecordSet.expanded(path) != [path]
        let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let place = isPattern ? (folder + ["."]).joined(separator: "/") : path
        return FileManager.default.fileExists(atPath: place)
    }
    let typed = existingSpelling(of: captions)
    let inRoot = existingSpelling(of: resolvedPath(captions, root: root))
    if isThere(typed) || !isThere(inRoot) { return (typed, output) }
    return (inRoot, resolvedPath(output, root: root))
}
