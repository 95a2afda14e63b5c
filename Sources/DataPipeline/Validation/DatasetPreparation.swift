import FoundationEssentials
import Glibc
import MediaIO
import ModelZoo
import TensorCore

/// What `southgpt-preprocess` does to one dataset: makes the file that the catalog names from the
/// one that was published, where that is needed.
public struct DatasetPreparation: Sendable {
    /// What came of it.
    public enum Outcome: Equatable, Sendable {
        /// The catalog's file was there, in a form that training reads.
        case ready
        /// It was written; a second file beside it names what was left out, where anything was.
        case converted(from: String, records: Int, leftOut: Int)
        /// Neither it nor a published form of it is there.
        case absent(looked: [String])
    }

    /// The dataset.
    public let entry: DatasetEntry
    private let limits: RecordLimits

    /// Prepares that dataset.
    public init(_ entry: DatasetEntry, limits: RecordLimits = RecordLimits()) {
        (self.entry, self.limits) = (entry, limits)
    }

    /// Converts where needed, then says what was done. The file appears whole or not at all; a
    /// published file that has the catalog's name is kept beside it with `.raw` in its own.
    ///
    /// - Parameter progress: records done, of all
    /// - Throws: `DatasetError` for a file that is damaged, or that cannot be converted to what the
    ///   catalog names; `CheckpointError.unwritable`
    public func run(progress: (Int, Int) -> Void = { _, _ in }) throws -> Outcome {
        let files = FileManager.default
        let isShards = RecordSet.expanded(entry.dataPath) != [entry.dataPath]
        if isShards { return .ready }
        var source = entry.dataPath
        if files.fileExists(atPath: entry.dataPath) {
            guard try isPublishedForm(entry.dataPath) else { return .ready }
            // Renamed first: if we are stopped in between, the next run finds it there.
            source = rawPath
            try keepOriginal(as: source)
        } else {
            let places = [rawPath] + entry.rawPaths
            guard let found = places.first(where: files.fileExists(atPath:)) else {
                let looked = [entry.dataPath] + places
                // What lies in a folder that is closed to us is not absent.
                var status = stat()
                for place in looked where stat(place, &status) != 0 && errno == EACCES {
                    throw DatasetError.unreadable(file: place, reason: "permission denied")
                }
                return .absent(looked: looked)
            }
            source = found
            try checkConversion(of: source)
        }
        let dataset = try DialogueDataset(
            DatasetEntry(
                name: entry.name, format: entry.format, type: entry.type, dataPath: source,
                mediaRoot: entry.mediaRoot, embeddings: entry.embeddings),
            limits: limits)
        let (written, lost) = try write(dataset, progress: progress)
        return .converted(from: source, records: written, leftOut: lost)
    }

    /// Throws where what is at `source` cannot become what the catalog names.
    private func checkConversion(of source: String) throws {
        func refused(_ file: String, _ found: String, _ expected: String, _ mend: String)
            -> DatasetError
        {
            .malformed(file: file, line: nil, found: found, expected: expected, mend: mend)
        }
        let asPublished = "Move it there, or name it as data_path in the catalog."
        if entry.format == .mosit {
            throw refused(
                source, "a MosIT file", "it at \(entry.dataPath): it is read as published",
                asPublished)
        }
        if RecordFile.format(of: source) == .tar {
            throw refused(
                source, "a shard", "it at \(entry.dataPath): shards are read as they are",
                asPublished)
        }
        let target = RecordFile.format(of: entry.dataPath)
        guard target == .json || target == .jsonLines else {
            throw refused(
                entry.dataPath, "a name of a .\(target.rawValue) file",
                ".json or .jsonl, which \(source) can be converted to",
                "Give '\(entry.name)' another data_path in the catalog.")
        }
    }

    /// Gives the published file its other name, in place of nothing that may be the only original.
    private func keepOriginal(as path: String) throws {
        if link(entry.dataPath, path) != 0 {
            guard errno != EEXIST, access(path, F_OK) != 0 else {
                throw DatasetError.malformed(
                    file: path, line: nil, found: "an earlier file",
                    expected: "none: '\(baseName(entry.dataPath))' is as published and would be "
                        + "kept under that name",
                    mend: "Move one of the two away.")
            }
            // Not every file system has second names for a file.
            guard rename(entry.dataPath, path) == 0 else {
                throw CheckpointError.unwritable(file: path, reason: systemReason())
            }
            return
        }
        guard unlink(entry.dataPath) == 0 else {
            let reason = systemReason()
            unlink(path)
            throw CheckpointError.unwritable(file: entry.dataPath, reason: reason)
        }
    }

    /// `alpaca.json` as `alpaca.raw.json`.
    private var rawPath: String { "\(stem).raw\(entry.dataPath.dropFirst(stem.count))" }

    /// The file that names the records that were left out, a line of JSON each: a `BadSample`.
    public var leftOutPath: String { "\(stem).left-out.jsonl" }

    private var stem: String {
        let dot = entry.dataPath.lastIndex(of: ".") ?? entry.dataPath.endIndex
        return String(entry.dataPath[..<dot])
    }

    /// Whether a file of conversations is as its authors publish it, by the first record that can be
    /// read. Tables and shards are read as they are.
    private func isPublishedForm(_ path: String) throws -> Bool {
        let format = RecordFile.format(of: path)
        guard entry.format == .tx2t, format == .json || format == .jsonLines else { return false }
        let file = try RecordFile(contentsOf: path, limits: limits)
        let first = (0..<min(file.count, 64)).lazy.compactMap { try? file.record($0) }.first
        guard let first else { return false }
        return ["instruction", "QA", "conversations"].contains { first.fields[$0] != nil }
    }

    private func write(
        _ dataset: DialogueDataset, progress: (Int, Int) -> Void
    ) throws -> (written: Int, leftOut: Int) {
        // Without any media only the captions can be of use; with some, what is missing was not
        // downloaded and teaches nothing.
        let hasMedia = entry.mediaRoot.map { FileManager.default.fileExists(atPath: $0) } ?? false
        let isLines = RecordFile.format(of: entry.dataPath) == .jsonLines
        var (written, lost) = (0, 0)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let list = try AtomicFile(leftOutPath)
        try AtomicFile.write(to: entry.dataPath) { file in
            if !isLines { try file.write("[\n") }
            for index in 0..<dataset.count {
                if index.isMultiple(of: 4096) {
                    try Task.checkCancellation()
                    progress(index, dataset.count)
                }
                do {
                    let line = try converted(dataset, index, needsMedia: hasMedia)
                    if written > 0 { try file.write(isLines ? "\n" : ",\n") }
                    try file.write(line)
                    written += 1
                } catch let error as DatasetError where !blamesMachine(error) {
                    let bad = BadSample(
                        dataset: entry.name, place: dataset.place(of: index), reason: "\(error)")
                    try list.write([UInt8](try encoder.encode(bad)) + [UInt8(ascii: "\n")])
                    lost += 1
                }
            }
            try file.write(isLines ? "\n" : "\n]\n")
            guard written > 0 else {
                if lost > 0 { try list.commit() }
                throw DatasetError.malformed(
                    file: dataset.entry.dataPath, line: nil,
                    found: "\(dataset.count) records, none of which can be used",
                    expected: "some",
                    mend: "Are the media where the catalog says?"
                        + (lost > 0 ? " \(leftOutPath) names each and says why." : ""))
            }
        }
        if lost > 0 { try list.commit() } else { unlink(leftOutPath) }
        progress(dataset.count, dataset.count)
        return (written, lost)
    }

    private func converted(
        _ dataset: DialogueDataset, _ index: Int, needsMedia: Bool
    ) throws -> String {
        guard entry.format == .pair else {
            let sample = try dataset.sample(index)
            if needsMedia { for medium in sample.media { try medium.withPath { _ in } } }
            return try UnifiedRecord(sample, of: entry, limits: limits).json
        }
        let (caption, medium) = try dataset.captioned(index)
        var name = medium.name
        if needsMedia {
            try medium.withPath { _ in }
            name = medium.foundName ?? name
        }
        return "{\"\(medium.modality.rawValue)_name\": \(OrderedJSON.quoted(name)), "
            + "\"caption\": \(OrderedJSON.quoted(caption))}"
    }
}
