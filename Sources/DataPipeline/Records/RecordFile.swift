import TensorCore

/// A dataset's file, however large: what is kept is where each record lies, sixteen bytes for one (of
/// a shard four, and eight for each of its members), and a record is read when it is asked for.
public struct RecordFile: Sendable {
    /// How a file is laid out.
    public enum Format: String, CaseIterable, Codable, Sendable {
        /// An array of objects; also objects one after the other.
        case json
        /// An object on each line.
        case jsonLines = "jsonl"
        /// Fields between commas, the first record naming them.
        case csv
        /// Fields between tabs.
        case tsv
        /// A webdataset shard: files of one name and several endings make a record.
        case tar
    }

    /// Its path.
    public let path: String
    /// How it is laid out.
    public let format: Format
    /// How many records it has.
    public var count: Int { archive?.count ?? spans.count }

    private let file: ByteFile
    private let limits: RecordLimits
    private let spans: [RecordSpan]
    private let columns: [String]
    private let archive: TarIndex?

    /// Finds a file's records, in one pass that keeps none of them.
    ///
    /// - Parameters:
    ///   - format: by the name's ending where nil
    ///   - columns: the names of a table's fields where its first record names none of them
    /// - Throws: `DatasetError` for a file that is not there, not in that format, or cut short
    public init(
        contentsOf path: String, format: Format? = nil, columns: [String]? = nil,
        limits: RecordLimits = RecordLimits()
    ) throws {
        try self.init(
            contentsOf: path, format: format, columns: columns, limits: limits,
            among: OpenFiles(limit: 1))
    }

    /// - Parameter files: those that it shares its right to be open with
    init(
        contentsOf path: String, format: Format?, columns: [String]?, limits: RecordLimits,
        among files: OpenFiles
    ) throws {
        let file = try ByteFile(path, among: files)
        let format = format ?? RecordFile.format(of: path)
        (self.path, self.file, self.format, self.limits) = (path, file, format, limits)
        archive = format == .tar ? try TarIndex(file) : nil
        var spans: [RecordSpan] = []
        switch format {
        case .tar: break
        case .json:
            var scan = JSONScan(file: path, limits: limits)
            try file.forEachPiece { try scan.consume($0, at: $1) }
            spans = try scan.finish()
        case .jsonLines, .tsv:
            var scan = LineScan(file: path, limits: limits)
            try file.forEachPiece { try scan.consume($0, at: $1) }
            spans = try scan.finish(at: file.count)
        case .csv:
            var scan = LineScan(
                file: path, limits: limits, quotedFieldsBy: UInt8(ascii: ","))
            try file.forEachPiece { try scan.consume($0, at: $1) }
            spans = try scan.finish(at: file.count)
        }
        var names: [String] = []
        if format == .csv || format == .tsv {
            guard let first = spans.first else {
                throw DatasetError.malformed(
                    file: path, line: nil, found: "an empty table", expected: "a row of names",
                    mend: "Was the download complete?")
            }
            let row = try RecordFile.fields(of: first, file, format, record: 0)
            let named = try RecordFile.columns(row, columns, file: path)
            names = named ?? columns ?? row
            // In place: of a table of gigabytes the spans alone are hundreds of megabytes.
            if named != nil { spans.removeFirst() }
        }
        (self.columns, self.spans) = (names, spans)
    }

    /// The format that a name's ending stands for.
    public static func format(of path: String) -> Format {
        let ending = path.split(separator: "/").last?.split(separator: ".").last?.lowercased()
        switch ending {
        case "jsonl", "ndjson": return .jsonLines
        case "csv": return .csv
        case "tsv": return .tsv
        case "tar": return .tar
        default: return .json
        }
    }

    /// Record `index`.
    ///
    /// - Throws: `DatasetError.badRecord` where it cannot be understood
    package func record(_ index: Int) throws -> Record {
        precondition(index >= 0 && index < count, "record \(index) of \(count) in \(path)")
        let place = place(of: index)
        if let archive {
            return try archive.record(index, place: place, limits: limits)
        }
        let span = spans[index]
        if format == .json || format == .jsonLines {
            return try Record(json: try file.bytes(span.range), place: place, limits: limits)
        }
        let fields = try RecordFile.fields(of: span, file, format, record: index)
        guard fields.count == columns.count else {
            throw DatasetError.badRecord(
                place, found: "\(fields.count) fields",
                expected: "\(columns.count) (\(excerpt(columns.joined(separator: ", "))))",
                mend: "A separator within a field needs quotation marks around the field.")
        }
        return Record(
            place: place,
            fields: Dictionary(
                zip(columns, fields.map { .string($0) }), uniquingKeysWith: { first, _ in first }),
            limits: limits)
    }

    /// The bytes of record `index`, of a format of text.
    func bytes(of index: Int) throws -> [UInt8] { try file.bytes(spans[index].range) }

    /// Where record `index` stands.
    public func place(of index: Int) -> RecordPlace {
        RecordPlace(
            file: path, record: index, line: archive == nil ? Int(spans[index].line) : nil)
    }

    private static func fields(
        of span: RecordSpan, _ file: ByteFile, _ format: Format, record: Int
    ) throws -> [String] {
        let isTabs = format == .tsv
        do {
            return try tableFields(
                try file.bytes(span.range), separator: isTabs ? 0x09 : UInt8(ascii: ","),
                lenient: isTabs)
        } catch let fault as TableFault {
            throw DatasetError.badRecord(
                RecordPlace(file: file.path, record: record, line: Int(span.line)),
                found: fault.found, expected: "a row of a table",
                mend: "Mend or remove the row.")
        }
    }

    /// The names of the columns where the first row has them; nil where they are `columns`.
    private static func columns(
        _ row: [String], _ columns: [String]?, file: String
    ) throws -> [String]? {
        let known = Set(SourceKeys.columns)
        if let columns, known.isDisjoint(with: row) {
            guard columns.count == row.count else {
                throw DatasetError.malformed(
                    file: file, line: 1, found: "\(row.count) fields and no names for them",
                    expected: "a first row of names",
                    mend: "Write one: \(columns.joined(separator: ", ")).")
            }
            return nil
        }
        if let double = row.first(where: { name in row.count { $0 == name } > 1 }) {
            throw DatasetError.malformed(
                file: file, line: 1, found: "two columns named '\(excerpt(double))'",
                expected: "each name once", mend: "Rename one of them.")
        }
        return row
    }
}
