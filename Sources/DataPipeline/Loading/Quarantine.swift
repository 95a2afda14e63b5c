import FoundationEssentials
import Glibc
import MediaIO
import Synchronization
import TensorCore

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
    /// Whether the samples of an earlier run are still to be tried again.
    private let isUntested = Mutex(false)

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
        for sample in try Quarantine.samples(in: path) {
            known.withLock {
                _ = $0.keys.insert(Key(dataset: sample.dataset, place: sample.place))
            }
            isUntested.withLock { $0 = true }
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
    /// - Throws: `DatasetError.tooManyBad` past the limit; `CheckpointError.unwritable`
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
        var line = try Quarantine.line(of: sample)
        let descriptor = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw CheckpointError.unwritable(file: path, reason: systemReason())
        }
        defer { close(descriptor) }
        // What a killed run, or one whose disk was full, left of a line ends there.
        let end = lseek(descriptor, 0, SEEK_END)
        var last = UInt8(ascii: "\n")
        if end > 0 { _ = pread(descriptor, &last, 1, end - 1) }
        if last != UInt8(ascii: "\n") { line.insert(UInt8(ascii: "\n"), at: 0) }
        // One write: a line is whole, or a killed run's last.
        guard write(descriptor, line, line.count) == line.count else {
            throw CheckpointError.unwritable(file: path, reason: systemReason())
        }
    }
}

extension Quarantine {
    /// The samples that a file names. A line that was left half-written is passed over.
    private static func samples(in path: String) throws -> [BadSample] {
        let lines = try RecordFile(contentsOf: path, format: .jsonLines)
        return try (0..<lines.count).compactMap { index in
            let bytes = try lines.bytes(of: index)
            return try? JSONDecoder().decode(BadSample.self, from: Data(bytes))
        }
    }

    /// Tries the samples of an earlier run again, once, and takes those off the list that can be used
    /// by now.
    ///
    /// - Throws: `DatasetError.tooManyBad` where too many are left; what `isUsable` throws
    func retest(_ isUsable: (BadSample) throws -> Bool) throws {
        let isDue = isUntested.withLock { isUntested in
            defer { isUntested = false }
            return isUntested
        }
        guard isDue, let path else { return }
        let named = try Quarantine.samples(in: path)
        let left = try named.filter { sample in try !isUsable(sample) }
        known.withLock { $0.keys = Set(left.map { Key(dataset: $0.dataset, place: $0.place) }) }
        if left.count < named.count {
            try AtomicFile.write(to: path) { file in
                for sample in left { try file.write(Quarantine.line(of: sample)) }
            }
        }
        guard count <= maxBad else {
            throw DatasetError.tooManyBad(count: count, limit: maxBad, list: path)
        }
    }

    private static func line(of sample: BadSample) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(sample)) + [UInt8(ascii: "\n")]
    }
}
