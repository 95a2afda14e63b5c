import FoundationEssentials
import ModelZoo

/// One medium and its caption.
public struct PairSample: Equatable, Sendable {
    /// The media file's name, as the dataset gives it.
    public let name: String
    /// Where the medium should lie.
    public let mediaPath: String
    /// The caption as training reads it, cleaned.
    public let caption: String
    /// The caption as the file has it: embeddings are computed from this one.
    public let originalCaption: String
    /// Where the caption's embedding should lie, for datasets that have embeddings.
    public let embeddingPath: String?
}

/// A dataset of media and captions: CC3M, WebVid, AudioCaps and others in their format.
///
/// The file is a JSON array of objects with `caption` and the medium's name under `image_name`,
/// `video_name` or `audio_name`, by the dataset's modality; other keys are allowed and unused.
/// Nothing but that file is read: whether a medium exists shows when it is opened.
public struct PairDataset: RandomAccessCollection, Sendable {
    /// The catalog's entry.
    public let entry: DatasetEntry
    private let records: [(name: String, caption: String)]

    /// Files larger than this are refused; CC3M's is about 0.3 GB.
    private static let byteLimit = 2 << 30

    /// Reads the file that the entry names.
    ///
    /// - Throws: `DatasetError`, with the number of the first bad record
    public init(_ entry: DatasetEntry) throws {
        let file = entry.dataPath
        guard let bytes = try? Data(contentsOf: URL(filePath: file), options: .alwaysMapped) else {
            throw DatasetError.unreadable(file: file)
        }
        guard bytes.count <= PairDataset.byteLimit else {
            throw DatasetError.malformed(
                file: file, rule: "\(bytes.count) bytes, at most \(PairDataset.byteLimit) allowed")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let listed: [ListedPair]
        do {
            listed = try decoder.decode([ListedPair].self, from: bytes)
        } catch DecodingError.typeMismatch(_, let context), DecodingError.dataCorrupted(let context)
        {
            throw DatasetError.malformed(file: file, rule: context.debugDescription)
        }
        self.entry = entry
        records = try listed.enumerated().map { index, pair in
            let medium = entry.type.medium
            let key = "\(medium?.rawValue ?? "image")_name"
            guard let name = medium.flatMap(pair.name), !name.isEmpty else {
                throw DatasetError.badRecord(
                    file: file, record: index, problem: "'\(key)' is missing")
            }
            guard let caption = pair.caption else {
                throw DatasetError.badRecord(
                    file: file, record: index, problem: "'caption' is missing")
            }
            // A name is joined to the media folder, and must not lead out of it.
            guard !name.hasPrefix("/"), !name.split(separator: "/").contains("..") else {
                throw DatasetError.badRecord(
                    file: file, record: index,
                    problem: "'\(key)' is '\(name)', which leaves the media folder")
            }
            return (name, caption)
        }
    }

    /// Always zero.
    public var startIndex: Int { 0 }
    /// The number of samples.
    public var endIndex: Int { records.count }

    /// Sample `index`.
    public subscript(index: Int) -> PairSample {
        let (name, caption) = records[index]
        return PairSample(
            name: name, mediaPath: path(name, in: entry.mediaRoot ?? "."),
            caption: cleanedCaption(caption), originalCaption: caption,
            embeddingPath: entry.embeddings.map { path("\(name).npy", in: $0) })
    }

    private func path(_ name: String, in folder: String) -> String {
        folder.hasSuffix("/") ? "\(folder)\(name)" : "\(folder)/\(name)"
    }
}

private struct ListedPair: Decodable {
    var imageName: String?
    var videoName: String?
    var audioName: String?
    var caption: String?

    func name(of medium: Modality) -> String? {
        switch medium {
        case .image: imageName
        case .video: videoName
        case .audio: audioName
        }
    }
}
