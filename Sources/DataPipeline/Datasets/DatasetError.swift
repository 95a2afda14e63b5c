/// Why a dataset's file was refused. Each text names the file and the record.
public enum DatasetError: Error, Equatable {
    /// The file does not exist or cannot be read.
    case unreadable(file: String)
    /// The file is not a JSON array of records.
    case malformed(file: String, rule: String)
    /// A record lacks something, or holds something unusable. Records count from zero.
    case badRecord(file: String, record: Int, problem: String)
    /// The sampler cannot fill one batch from a dataset.
    case tooSmall(dataset: Int, samples: Int, batch: Int)
}

extension DatasetError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreadable(let file):
            "\(file): cannot be read. Is the dataset where Configs/catalog.yaml says?"
        case .malformed(let file, let rule):
            "\(file): not a dataset: \(rule). Expected a JSON array of records."
        case .badRecord(let file, let record, let problem):
            "\(file): record \(record): \(problem)."
        case .tooSmall(let dataset, let samples, let batch):
            "dataset \(dataset) of the list has \(samples) samples, fewer than one batch of "
                + "\(batch). Use fewer ranks, a smaller micro batch, or leave the dataset out."
        }
    }
}
