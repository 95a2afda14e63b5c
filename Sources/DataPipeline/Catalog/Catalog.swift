public import ModelZoo

/// Which way a dataset's samples go: what the model is given and what it answers with.
public enum DatasetType: String, Codable, CaseIterable, Sendable {
    case imageToText = "ImageToText"
    case videoToText = "VideoToText"
    case audioToText = "AudioToText"
    case textToImage = "TextToImage"
    case textToVideo = "TextToVideo"
    case textToAudio = "TextToAudio"
    case textToText = "TextToText"

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
}

/// One entry of the catalog, its paths made absolute or relative to the working folder.
public struct DatasetEntry: Equatable, Sendable {
    /// The name that `dataset_name_list` uses.
    public let name: String
    /// How the file is laid out.
    public let format: DatasetFormat
    /// Which way the samples go.
    public let type: DatasetType
    /// The JSON file.
    public let dataPath: String
    /// The folder of the media, where there are any.
    public let mediaRoot: String?
    /// The folder of the captions' embeddings, where the type needs them.
    public let embeddings: String?

    /// An entry that no catalog lists.
    public init(
        name: String, format: DatasetFormat, type: DatasetType, dataPath: String,
        mediaRoot: String? = nil, embeddings: String? = nil
    ) {
        self.name = name
        self.format = format
        self.type = type
        self.dataPath = dataPath
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

    /// Reads a catalog; relative paths in it start at `root`.
    ///
    /// - Throws: `SettingsError` for unknown keys, wrong values and missing files
    public init(contentsOf file: String, root: String = ".") throws {
        let listed = try Settings(contentsOf: file).decode([String: ListedDataset].self)
        entries = listed.sorted { $0.key < $1.key }.map { name, dataset in
            DatasetEntry(
                name: name, format: dataset.loader, type: dataset.type,
                dataPath: resolvedPath(dataset.dataPath, root: root),
                mediaRoot: dataset.mmRootPath.map { resolvedPath($0, root: root) },
                embeddings: dataset.embedPath.map { resolvedPath($0, root: root) })
        }
        self.file = file
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
    var mmRootPath: String?
    var embedPath: String?
}

/// A path of a config seen from `root`. The README that users come from runs its programs in
/// `code/`, so a leading `../` is the root itself.
package func resolvedPath(_ path: String, root: String) -> String {
    if path.hasPrefix("/") { return path }
    let inside = path.hasPrefix("../") ? String(path.dropFirst(3)) : path
    return root == "." ? inside : "\(root)/\(inside)"
}
