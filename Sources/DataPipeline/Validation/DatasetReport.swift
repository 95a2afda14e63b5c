/// What `southgpt-preprocess` found in one dataset.
public struct DatasetReport: Codable, Equatable, Sendable {
    /// A kind of thing that is wrong with a record.
    public enum Fault: String, CaseIterable, Codable, Sendable {
        /// It cannot be understood.
        case badRecord
        /// Its text and its media do not go together.
        case mismatch
        /// A medium is not there, or outside its folder.
        case missingMedia
        /// A medium is there and cannot be decoded.
        case corruptMedia
        /// It says the same as one before.
        case duplicate
    }

    /// A record with something wrong.
    public struct Problem: Codable, Equatable, Sendable {
        public let place: RecordPlace
        public let fault: Fault
        public let detail: String
    }

    /// How a quantity is spread over the records.
    public struct Distribution: Codable, Equatable, Sendable {
        /// How many records have less than 2, 4, 8, 16 … of it and not less than the one before.
        public private(set) var counts: [Int] = []
        public private(set) var total = 0
        public private(set) var records = 0
        public private(set) var largest = 0

        /// Zero where there are no records.
        public var mean: Double { records == 0 ? 0 : Double(total) / Double(records) }

        mutating func add(_ value: Int) {
            var bin = 0
            while value >= 2 << bin { bin += 1 }
            while counts.count <= bin { counts.append(0) }
            counts[bin] += 1
            total += value
            records += 1
            largest = max(largest, value)
        }

        mutating func add(_ other: Distribution) {
            while counts.count < other.counts.count { counts.append(0) }
            for (bin, count) in other.counts.enumerated() { counts[bin] += count }
            total += other.total
            records += other.records
            largest = max(largest, other.largest)
        }
    }

    /// The dataset's name in the catalog.
    public let dataset: String
    /// Which way its samples go.
    public let type: DatasetType
    /// Its file.
    public let file: String
    /// Its records.
    public internal(set) var records = 0
    /// Records with nothing wrong, or nothing worse than being duplicates.
    public internal(set) var usable = 0
    /// Of each kind, how many records have it.
    public internal(set) var faults: [String: Int] = [:]
    /// The first of each kind.
    public internal(set) var problems: [Problem] = []
    /// Media that records show, by modality.
    public internal(set) var media: [String: Int] = [:]
    /// Media that were decoded to see whether they can be.
    public internal(set) var decodedMedia = 0
    /// Media of questions that are not there, and are asked about by their captions instead.
    public internal(set) var absentMedia = 0
    /// Why nothing could be said of its records, where the file as a whole is at fault.
    public private(set) var failure: String?
    /// Characters of what is learnt: captions and answers.
    public internal(set) var captionLengths = Distribution()
    /// Tokens of a sample as it is trained on.
    public internal(set) var tokens = Distribution()
    /// Whether `tokens` is a guess, of a token for four characters, for want of a tokenizer.
    public internal(set) var tokensAreEstimated = true
    /// What becomes of the samples at the length that they are cut to.
    public internal(set) var fits: [String: Int] = [:]

    /// As many problems of a kind are listed.
    public static let listedProblems = 200

    init(_ entry: DatasetEntry) {
        (dataset, type, file) = (entry.name, entry.type, entry.dataPath)
    }

    /// The report of a dataset whose file as a whole is at fault.
    public init(_ entry: DatasetEntry, failure: any Error) {
        self.init(entry)
        self.failure = "\(failure)"
    }

    /// Whether every record can be used.
    public var isClean: Bool { failure == nil && usable == records }

    func count(of fault: Fault) -> Int { faults[fault.rawValue] ?? 0 }

    mutating func note(_ fault: Fault, _ place: RecordPlace, _ detail: String) {
        faults[fault.rawValue, default: 0] += 1
        guard count(of: fault) <= DatasetReport.listedProblems else { return }
        problems.append(Problem(place: place, fault: fault, detail: detail))
    }

    /// Adds what was found in the records after these.
    mutating func add(_ other: DatasetReport) {
        records += other.records
        usable += other.usable
        for problem in other.problems {
            let listed = problems.count { $0.fault == problem.fault }
            if listed < DatasetReport.listedProblems { problems.append(problem) }
        }
        faults.merge(other.faults, uniquingKeysWith: +)
        media.merge(other.media, uniquingKeysWith: +)
        fits.merge(other.fits, uniquingKeysWith: +)
        decodedMedia += other.decodedMedia
        absentMedia += other.absentMedia
        captionLengths.add(other.captionLengths)
        tokens.add(other.tokens)
        tokensAreEstimated = other.tokensAreEstimated
    }
}
