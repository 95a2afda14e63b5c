import FoundationEssentials
import Glibc
import Synchronization

/// A sample that could not be used.
public struct BadSample: Codable, Hashable, Sendable {
    /// The dataset's name in the catalog.
    public let dataset: String
    /// Where its record stands.
    public let place: RecordPlace
    /// Why, in one line.
    public let reason: String

    /// A sample and what is wrong with it.
    public init(dataset: String, place: RecordPlace, reason: String) {
        (self.dataset, self.place, self.reason) = (dataset, place, reason)
    }
}

/// The samples that a run could not use: each named once in a file, a line of JSON each, counted,
/// and too many of them an error. Nothing is skipped silently.
public final class Quarantine: Sendable {
    /// The file that names them; nil keeps them in memory.
    public let path: String?
    /// How many there may be.
    public let maxBad: Int
    private let known = Mutex<Set<Key>>([])

    private struct Key: Hashable {
        let dataset: String
        let place: RecordPlace
    }

    /// Goes on with the file of an earlier run, whose samples count and are not named again.
    ///
    /// - Throws: `DatasetError` for a file that cannot be read or is something else
    public init(path: String?, maxBad: Int) throws {
        (self.path, self.maxBad) = (path, maxBad)
        guard let path, access(path, F_OK) == 0 else { return }
        let lines = try RecordFile(contentsOf: path, format: .jsonLines)
        for index in 0..<lines.count {
            let bytes = try lines.bytes(of: index)
            // A line that a killed run left half-written is passed over.
            guard let sample = try? JSONDecoder().decode(BadSample.self, from: Data(bytes)) else {
                continue
            }
            known.withLock {
                _ = $0.insert(Key(dataset: sample.dataset, place: sample.place))
            }
        }
    }

    /// How many samples are named.
    public var count: Int { known.withLock { $0.count } }

    /// Names a sample, unless it is named already.
    ///
    /// - Throws: `DatasetError.tooManyBad` past the limit; `.unreadable` where the file takes nothing
    public func add(_ sample: BadSample) throws {
        try known.withLock { known in
            let key = Key(dataset: sample.dataset, place: sample.place)
            guard known.insert(key).inserted else { return }
            try append(sample)
            guard known.count <= maxBad else {
                throw DatasetError.tooManyBad(
                    count: known.count, limit: maxBad, list: path ?? "the report")
            }
        }
    }

    private func append(_ sample: BadSample) throws {
        guard let path else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let line = [UInt8](try encoder.encode(sample)) + [UInt8(ascii: "\n")]
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw DatasetError.unreadable(file: path, reason: systemReason())
        }
        defer { close(descriptor) }
        // One write: ranks may share the file.
        guard write(descriptor, line, line.count) == line.count else {
            throw DatasetError.unreadable(file: path, reason: systemReason())
        }
    }
}
