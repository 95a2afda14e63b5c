import FoundationEssentials
import ModelZoo
import TensorCore

#if canImport(Glibc)
    import Glibc
#endif

/// The folder of an evaluation: a line of JSON for each item that is done, media, report and page.
/// An evaluation that was cut short goes on after the last line.
struct EvaluationFolder {
    let path: String
    /// What was done before, by the items' names.
    private(set) var records: [String: EvaluationRecord] = [:]
    private let log: String

    /// What the first line says: what must be the same when an evaluation goes on.
    private struct Heading: Codable {
        var evaluation = 1
        let identity: [String: String]
    }

    /// Opens the folder, or begins it.
    ///
    /// - Parameter identity: what must be as it was, by what an error calls it
    /// - Throws: `EvaluationError.otherRun`, `.damaged`; `CheckpointError.unwritable`
    init(_ path: String, identity: [String: String], replacing: Bool) throws {
        self.path = path
        log = "\(path)/items.jsonl"
        do {
            try FileManager.default.createDirectory(
                atPath: "\(path)/media", withIntermediateDirectories: true)
        } catch {
            throw CheckpointError.unwritable(file: path, reason: "it could not be made")
        }
        if !replacing, let data = FileManager.default.contents(atPath: log) {
            try resume(data, identity)
        } else {
            try AtomicFile.write(to: log) {
                try $0.write(EvaluationFolder.line(Heading(identity: identity)))
            }
        }
    }

    private mutating func resume(_ data: Data, _ identity: [String: String]) throws {
        // A last line without its end was being written when the evaluation was stopped.
        let end = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? data.startIndex
        let lines = data[..<end].split(separator: UInt8(ascii: "\n"))
        let decoder = JSONDecoder()
        guard let first = lines.first, let heading = try? decoder.decode(Heading.self, from: first),
            heading.evaluation == 1
        else { throw EvaluationError.damaged(file: log, line: 1) }
        let differs = identity.keys.sorted().filter { heading.identity[$0] != identity[$0] }
        guard differs.isEmpty else {
            throw EvaluationError.otherRun(
                folder: path, differs: differs.joined(separator: " and "))
        }
        for (index, line) in lines.enumerated().dropFirst() {
            guard let record = try? decoder.decode(EvaluationRecord.self, from: line) else {
                throw EvaluationError.damaged(file: log, line: index + 1)
            }
            records[record.id] = record
        }
        if end < data.endIndex {
            try AtomicFile.write(to: log) { try $0.write(Array(data[..<end])) }
        }
    }

    /// Keeps what came of an item.
    ///
    /// - Throws: `CheckpointError.unwritable`
    mutating func add(_ record: EvaluationRecord) throws {
        let bytes = Array(try EvaluationFolder.line(record).utf8)
        let descriptor = open(log, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure }
        defer { close(descriptor) }
        guard write(descriptor, bytes, bytes.count) == bytes.count else { throw failure }
        records[record.id] = record
    }

    private var failure: CheckpointError {
        .unwritable(file: log, reason: String(cString: strerror(errno)))
    }

    private static func line(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }
}
