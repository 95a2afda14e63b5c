import Glibc
public import ModelZoo
import TensorCore

/// A file of captions to embed, whatever its layout: pairs, T-T+X dialogues or MosIT's, as JSON,
/// JSON Lines, a table or shards. What it is shows in its first records.
public struct CaptionFile: Sendable {
    /// Its path.
    public let path: String
    /// Which captions of it are meant.
    public let modality: Modality
    /// Its records.
    public var count: Int { dataset.count }
    /// What the index of a folder of embeddings calls it.
    let source: String
    private let dataset: DialogueDataset

    /// Finds the records.
    ///
    /// - Throws: `DatasetError` for a file that is not there, damaged or cut short
    public init(
        _ path: String, modality: Modality, limits: RecordLimits = RecordLimits()
    ) throws {
        (self.path, self.modality) = (path, modality)
        source = CaptionFile.source(of: path)
        let type = DatasetType.allCases.first { $0.output == modality } ?? .anyToAny
        func entry(_ format: DatasetFormat) -> DatasetEntry {
            DatasetEntry(name: path, format: format, type: type, dataPath: path)
        }
        let columns = RecordConverter(entry: entry(.pair), prompt: "").unnamedColumns
        let records = try RecordSet(contentsOf: path, columns: columns, limits: limits)
        dataset = DialogueDataset(
            entry(CaptionFile.format(of: records)), records: records)
    }

    /// By the first record that can be read: damaged ones are each reported when they are met.
    private static func format(of records: RecordSet) -> DatasetFormat {
        let first = (0..<min(records.count, 64)).lazy.compactMap { try? records.record($0) }.first
        guard let first, first.first(SourceKeys.turns) != nil else { return .pair }
        let hasLists = Modality.allCases.contains { first.fields["\($0.rawValue)_list"] != nil }
        return hasLists ? .mosit : .t2x
    }

    /// The captions of record `index`, for every modality that it asks for.
    ///
    /// - Throws: `DatasetError.badRecord` and `.mediaMismatch`, for this record alone
    public func targets(_ index: Int) throws -> [CaptionTarget] {
        try dataset.sample(index).targets
    }

    /// Where record `index` stands.
    public func place(of index: Int) -> RecordPlace { dataset.place(of: index) }

    /// What the index calls it: its name, and a mark of the folder, for many are called `train.json`.
    /// In a folder that was moved it is another, whose captions leave those of the former alone.
    private static func source(of path: String) -> String {
        let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            .joined(separator: "/")
        let place = folder.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : folder
        var hash = SHA256()
        if let real = realpath(place, nil) {
            hash.update(String(cString: real))
            free(real)
        } else {
            hash.update(place)
        }
        let name = baseName(path).unicodeScalars.map {
            $0.properties.generalCategory == .control ? "_" : Character($0)
        }
        return "\(String(name))-\(hash.hexadecimal.prefix(8))"
    }
}
