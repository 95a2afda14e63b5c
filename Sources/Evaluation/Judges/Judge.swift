import DataPipeline
import FoundationEssentials
import ModelZoo
public import TensorCore

/// A classifier of media that was trained on real ones alone, to say what generated ones show.
public struct Judge: Sendable {
    /// What it looks at and answers.
    public var config: JudgeConfig { network.config }
    /// How it was trained, and how often it is right about real media that it was not trained on.
    public let record: JudgeRecord
    let network: JudgeNetwork

    init(_ network: JudgeNetwork, _ record: JudgeRecord) {
        (self.network, self.record) = (network, record)
    }

    /// The name of its features' space in reports.
    public var featureSpace: String {
        "judge of \(config.modality.rawValue), \(config.features) features, "
            + "\(record.fingerprint.prefix(8))"
    }

    private static let description = "judge.json"
    private static let weights = "model.safetensors"

    /// What the description file holds.
    private struct Description: Codable {
        var format = 1
        var config: JudgeConfig
        var record: JudgeRecord
    }

    /// Whether a folder holds one.
    public static func isThere(_ folder: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(folder)/\(description)")
    }

    /// Opens a judge's folder.
    ///
    /// - Throws: `ConfigError`, `CheckpointError`
    public init(folder: String) throws {
        let file = "\(folder)/\(Judge.description)"
        let description = try ConfigFile.read(Description.self, from: file)
        guard description.format == 1 else {
            throw ConfigError.malformed(
                file: file, reason: "is of format \(description.format), expected 1")
        }
        try description.config.check(file)
        let weights = Weights(try Checkpoint(contentsOf: "\(folder)/\(Judge.weights)"))
        network = try JudgeNetwork(description.config, from: weights)
        try weights.finish()
        record = description.record
    }

    /// Writes `judge.json` and `model.safetensors`.
    ///
    /// - Throws: `CheckpointError.unwritable`, `ConfigError.unwritable`
    public func write(to folder: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw CheckpointError.unwritable(file: folder, reason: "it could not be made")
        }
        try Safetensors.write(
            network.parameters.map { ($0.name, $0.value) }, to: "\(folder)/\(Judge.weights)")
        // Last: a folder with it is a whole one.
        try ConfigFile.write(
            Description(config: config, record: record), to: "\(folder)/\(Judge.description)")
    }

    /// What a judge says of a medium.
    public struct Verdict: Sendable {
        /// Of each slot the likeliest value.
        public let values: [String: String]
        /// The medium in the space of Fréchet distances: `[features]`.
        public let features: Tensor
    }

    /// Looks at a file.
    ///
    /// - Throws: `MediaError`
    public func verdict(on path: String) throws -> Verdict {
        verdict(of: try config.input(path))
    }

    func verdict(of input: Tensor) -> Verdict {
        let features = network.features(input.unsqueezed(0))
        let places = network.logits(features).map { $0.argMax().integers()[0] }
        return Verdict(
            values: Dictionary(
                uniqueKeysWithValues: zip(config.slots, places).map { ($0.name, $0.values[$1]) }),
            features: features.squeezed(0))
    }
}

/// Where a judge comes from.
public struct JudgeRecord: Codable, Equatable, Sendable {
    /// How often one slot was right of held-out media.
    public struct Accuracy: Codable, Equatable, Sendable {
        public let slot: String
        public let right: Int
        public let count: Int

        /// A count.
        public init(slot: String, right: Int, count: Int) {
            (self.slot, self.right, self.count) = (slot, right, count)
        }

        /// The share that was right.
        public var share: Double { count == 0 ? 0 : Double(right) / Double(count) }
        /// Where it lies.
        public var interval: Interval { .wilson(right, of: count) }
    }

    /// What its verdicts must reach on held-out real media to count.
    public static let required = 0.97

    /// The datasets that it learned from, and those that it was tried on.
    public let trainedOn: [String]
    public let heldOut: [String]
    /// How many media it learned from.
    public let media: Int
    public let epochs: Int
    /// Of each slot.
    public let accuracy: [Accuracy]
    /// Of its weights.
    public let fingerprint: String

    /// The slots that it gets wrong too often for its verdicts to count.
    public var unreliable: [Accuracy] { accuracy.filter { $0.share < JudgeRecord.required } }

    /// What it is worth, a line a slot.
    public var lines: [String] {
        ["learned from \(media) media, \(epochs) times"]
            + accuracy.map { slot in
                "\(slot.slot): \(percent(slot.share)) of \(slot.count) held out "
                    + "(\(percent(slot.interval.low)) to \(percent(slot.interval.high)))"
                    + (slot.share < JudgeRecord.required ? ", too few: 97 % are needed" : "")
            }
    }
}
