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
    private let isCollecting: Bool
    private let known = Mutex<(keys: Set<Key>, new: [BadSample])>(([], []))

    private struct Key: Hashable {
        let dataset: String
        let place: RecordPlace
    }

    /// Goes on with the file of an earlier run, whose samples count and are not named again.
    ///
    /// - Throws: `DatasetError` for a file that cannot be read or is something else
    public init(path: String?, maxBad: Int) throws {
        (self.path, self.maxBad, isCollecting) = (path, maxBad, false)
        guard let path, access(path, F_OK) == 0 else { return }
        let lines = try RecordFile(contentsOf: path, format: .jsonLines)
        for index in 0..<lines.count {
            let bytes = try lines.bytes(of: index)
            // A line that a killed run left half-written is passed over.
            guard let sample = try? JSONDecoder().decode(BadSample.self, from: Data(bytes)) else {
                continue
            }
            known.withLock {
                _ = $0.keys.insert(Key(dataset: sample.dataset, place: sample.place))
            }
        }
    }

    /// One that keeps samples for another, which names and counts them: it is never full itself.
    ///
    /// - Parameter maxBad: that other's limit, for messages
    public init(collecting maxBad: Int) {
        (path, self.maxBad, isCollecting) = (nil, maxBad, true)
    }

    /// How many samples are named.
    public var count: Int { known.withLock { $0.keys.count } }

    /// The samples that were collected since this was last asked.
    public func takeNew() -> [BadSample] {
        known.withLock { known in
            defer { known.new = [] }
            return known.new
        }
    }

    /// Names a sample, unless it is named already.
    ///
    /// - Throws: `DatasetError.tooManyBad` past the limit; `.unreadable` where the file takes nothing
    public func add(_ sample: BadSample) throws {
        try known.withLock { known in
            let key = Key(dataset: sample.dataset, place: sample.place)
            guard known.keys.insert(key).inserted else { return }
            guard !isCollecting else {
                known.new.append(sample)
                return
            }
            try append(sample)
            guard known.keys.count <= maxBad else {
                throw DatasetError.tooManyBad(
                    count: known.keys.count, limit: maxBad, list: path ?? "the report")
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
        // One write: a line is whole, or a killed run's last.
        guard write(descriptor, line, line.count) == line.count else {
            throw DatasetError.unreadable(file: path, reason: systemReason())
        }
    }
}
