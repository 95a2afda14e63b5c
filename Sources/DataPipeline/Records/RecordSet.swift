/// The records of one dataset: of a file, or of the shards that a path with `{00000..00331}` stands
/// for, one after the other.
public struct RecordSet: Sendable {
    /// The files, in order.
    public let files: [RecordFile]
    /// All records.
    public let count: Int
    /// Of each file, the number of its first record.
    private let starts: [Int]

    /// As many shards of a dataset are open at a time: processes may often have a thousand files.
    private static let openFiles = 32

    /// Finds the records.
    ///
    /// - Throws: `DatasetError`
    public init(
        contentsOf path: String, format: RecordFile.Format? = nil, columns: [String]? = nil,
        limits: RecordLimits = RecordLimits()
    ) throws {
        let open = OpenFiles(limit: RecordSet.openFiles)
        files = try RecordSet.expanded(path).map {
            try RecordFile(
                contentsOf: $0, format: format, columns: columns, limits: limits, among: open)
        }
        var starts: [Int] = []
        count = files.reduce(0) { sum, file in
            starts.append(sum)
            return sum + file.count
        }
        self.starts = starts
    }

    /// Which file holds record `index`, and which of its records it is.
    private func location(_ index: Int) -> (file: RecordFile, record: Int) {
        precondition(index >= 0 && index < count, "record \(index) of \(count)")
        var (low, high) = (0, files.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= index { low = middle } else { high = middle }
        }
        // Empty files begin where the next one does.
        return (files[low], index - starts[low])
    }

    /// Record `index`.
    ///
    /// - Throws: `DatasetError.badRecord`
    package func record(_ index: Int) throws -> Record {
        let (file, record) = location(index)
        return try file.record(record)
    }

    /// Where record `index` stands.
    public func place(of index: Int) -> RecordPlace {
        let (file, record) = location(index)
        return file.place(of: record)
    }

    /// The number of the record that stands there; nil where none does.
    func number(of place: RecordPlace) -> Int? {
        guard let file = files.firstIndex(where: { $0.path == place.file }), place.record >= 0,
            place.record < files[file].count
        else { return nil }
        return starts[file] + place.record
    }

    /// The paths that one with a range in braces stands for; zeros in front are kept.
    static func expanded(_ path: String) -> [String] {
        guard let open = path.firstIndex(of: "{"), let close = path[open...].firstIndex(of: "}")
        else { return [path] }
        let bounds = path[path.index(after: open)..<close].split(
            separator: "..", omittingEmptySubsequences: false)
        guard bounds.count == 2, let first = Int(bounds[0]), let last = Int(bounds[1]),
            first >= 0, first <= last, last - first < 100_000
        else { return [path] }
        return (first...last).map { number in
            let digits = String(number)
            let zeros = String(repeating: "0", count: max(0, bounds[0].count - digits.count))
            return path[..<open] + zeros + digits + path[path.index(after: close)...]
        }
    }
}
