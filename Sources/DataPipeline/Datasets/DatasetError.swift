/// Where a record stands: what an error names, and what a user opens.
public struct RecordPlace: Codable, Hashable, Sendable, CustomStringConvertible {
    /// The file.
    public let file: String
    /// The record's number in it, from 0.
    public let record: Int
    /// The line that it begins on, from 1; nil in archives, which have no lines.
    public let line: Int?

    /// A place.
    public init(file: String, record: Int, line: Int?) {
        (self.file, self.record, self.line) = (file, record, line)
    }

    public var description: String {
        "\(file)\(line.map { ":\($0)" } ?? ""): record \(record)"
    }
}

/// Why a dataset's file, one of its records or its media were refused. Each text names the file,
/// the place, what was found, what was expected and what to do.
public enum DatasetError: Error, Equatable {
    /// The file does not exist or cannot be read.
    case unreadable(file: String, reason: String)
    /// The file as a whole is not what its format promises.
    case malformed(file: String, line: Int?, found: String, expected: String, mend: String)
    /// A record lacks something, or holds something unusable.
    case badRecord(RecordPlace, found: String, expected: String, mend: String)
    /// A record's media are not those that its text speaks of.
    case mediaMismatch(RecordPlace, found: String, expected: String)
    /// A medium is not there, not a medium, or outside the folder of the media.
    case badMedium(name: String, found: String, expected: String, mend: String)
    /// The sampler cannot fill one batch from a dataset.
    case tooSmall(dataset: Int, samples: Int, batch: Int)
    /// No record of a dataset could be used, of so many after one another.
    case noneUsable(dataset: String, bad: Int, dropped: Int, list: String)
    /// The folder for temporary files takes none.
    case noScratch(folder: String, reason: String)
    /// More samples were unusable than the run allows.
    case tooManyBad(count: Int, limit: Int, list: String)
}

extension DatasetError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreadable(let file, let reason):
            "\(file): cannot be read: \(reason). Is the dataset where Configs/catalog.yaml says?"
        case .malformed(let file, let line, let found, let expected, let mend):
            "\(file)\(line.map { ":\($0)" } ?? ""): found \(found), expected \(expected). \(mend)"
        case .badRecord(let place, let found, let expected, let mend):
            "\(place): found \(found), expected \(expected). \(mend)"
        case .mediaMismatch(let place, let found, let expected):
            "\(place): found \(found), expected \(expected). Mend or remove the record."
        case .badMedium(let name, let found, let expected, let mend):
            "\(name): found \(found), expected \(expected). \(mend)"
        case .tooSmall(let dataset, let samples, let batch):
            "dataset \(dataset) of the list has \(samples) samples, fewer than one batch of "
                + "\(batch). Use fewer ranks, a smaller micro batch, or leave the dataset out."
        case .noneUsable(let dataset, let bad, let dropped, let list):
            "'\(dataset)': found no usable record among \(bad + dropped) in a row (\(bad) bad, "
                + "\(dropped) too long to learn from), expected one. \(list) names the bad ones; "
                + "what is too long needs a larger max_length."
        case .noScratch(let folder, let reason):
            "\(folder): found no way to copy a shard's medium there (\(reason)), expected room for "
                + "one. Free some, or name another folder by TMPDIR."
        case .tooManyBad(let count, let limit, let list):
            "\(count) samples cannot be used, at most \(limit) are allowed (max_bad). "
                + "\(list) names each and says why; mend them or raise max_bad."
        }
    }
}

/// A text of a file as an error shows it: short, on one line, without control characters.
func excerpt(_ text: some StringProtocol, limit: Int = 60) -> String {
    let head = text.unicodeScalars.prefix(limit).map { scalar in
        scalar.properties.generalCategory == .control || scalar.properties.isWhitespace
            ? " " : Character(scalar)
    }
    let isWhole = text.unicodeScalars.dropFirst(limit).isEmpty
    return String(head) + (isWhole ? "" : "…")
}
