package import DataPipeline
import FoundationEssentials
public import ModelZoo

/// What a model is asked, and what its answers are held against. A plan is a file of YAML; what it
/// leaves out has a default that suits any model.
public struct EvaluationPlan: Equatable, Sendable {
    /// What is asked about a medium.
    public var questions: [Modality: String] = [:]
    /// What a right answer says, `{caption}` standing for what the dataset says.
    public var answers: [Modality: String] = [:]
    /// What is asked to get a medium, `{caption}` standing for what it is to show.
    public var requests: [Modality: String] = [:]
    /// What there is to say of media.
    public var slots: [Modality: Slots] = [:]
    /// Slots that are measured by something better known than a judge.
    public var measured: [Modality: [String: Measurement]] = [:]
    /// Media that are to be made of other media.
    public var chains: [Chain] = []

    /// How a slot is measured.
    public struct Measurement: Codable, Equatable, Sendable {
        /// What measures it.
        public var by: Instrument
        /// Values of other slots for which it cannot be measured.
        public var unless: [String: [String]]?
    }

    /// What measures a slot.
    public enum Instrument: String, Codable, CaseIterable, Sendable {
        /// A melody's contour, by YIN.
        case pitch
        /// A melody's tempo, by where notes begin.
        case onsets
        /// A clip's contour, by where what moves is.
        case motion
        /// A clip's tempo, by when it moves.
        case steps

        /// What it looks at.
        var modality: Modality { self == .pitch || self == .onsets ? .audio : .video }
    }

    /// One medium to another, which is to agree in the slots that both kinds have.
    public struct Chain: Codable, Equatable, Sendable {
        public var from: Modality
        public var to: Modality
        /// What is asked with the medium.
        public var request: String
    }

    /// The defaults: what stage 1 teaches, and captions as they are.
    public init() {}

    /// Reads a file.
    ///
    /// - Throws: `SettingsError`, which names the key
    public init(contentsOf file: String) throws {
        try self.init(Settings(contentsOf: file))
    }

    package init(_ settings: Settings) throws {
        let written = try settings.decode(Written.self)
        func byModality<Value>(_ key: String, _ values: [String: Value]?) throws -> [Modality:
            Value]
        {
            var result: [Modality: Value] = [:]
            for (name, value) in values ?? [:] {
                guard let modality = Modality(rawValue: name) else {
                    throw settings.badValue(
                        key, found: "'\(name)'",
                        expected: Modality.allCases.map(\.rawValue).joined(separator: ", "))
                }
                result[modality] = value
            }
            return result
        }
        questions = try byModality("questions", written.questions)
        answers = try byModality("answers", written.answers)
        requests = try byModality("requests", written.requests)
        slots = try byModality("slots", written.slots).mapValues { Slots($0) }
        measured = try byModality("measured", written.measured)
        chains = written.chains ?? []
        for (modality, slots) in slots {
            for slot in slots.all
            where slot.values.count < 2 || Set(slot.values).count < slot.values.count {
                throw settings.badValue(
                    "slots.\(modality.rawValue).\(slot.name)", found: "\(slot.values)",
                    expected: "two different values or more")
            }
        }
        for (modality, measurements) in measured {
            for (slot, measurement) in measurements {
                let key = "measured.\(modality.rawValue).\(slot)"
                let names = slots[modality]?.names ?? []
                guard names.contains(slot) else {
                    throw settings.badValue(
                        key, found: "no slot", expected: names.joined(separator: ", "))
                }
                guard measurement.by.modality == modality else {
                    throw settings.badValue(
                        key, found: measurement.by.rawValue,
                        expected: EvaluationPlan.Instrument.allCases.filter {
                            $0.modality == modality
                        }.map(\.rawValue).joined(separator: " or "))
                }
            }
        }
    }

    /// The file as it is written.
    private struct Written: Decodable {
        var questions: [String: String]?
        var answers: [String: String]?
        var requests: [String: String]?
        var slots: [String: [String: [String]]]?
        var measured: [String: [String: Measurement]]?
        var chains: [Chain]?
    }

    /// All of it that the model is told, in one text: the same where the same is asked.
    var asked: String {
        let questions = questions.map { "\($0.key.rawValue)? \($0.value)" }.sorted()
        let requests = requests.map { "\($0.key.rawValue)! \($0.value)" }.sorted()
        let ways = chains.map { "\($0.from.rawValue) > \($0.to.rawValue): \($0.request)" }
        return (questions + requests + ways).joined(separator: "\n")
    }

    /// What a judge of a modality is to look at and answer.
    ///
    /// - Throws: `EvaluationError.unavailable` where the plan has no slots of it
    public func judge(
        of modality: Modality, size: Int = 64, frames: Int = 8, seconds: Double = 2
    ) throws -> JudgeConfig {
        guard let slots = slots[modality], !slots.all.isEmpty else {
            throw EvaluationError.unavailable(
                what: "A judge of \(modality.rawValue)",
                needs: "slots that it is to name: give a plan with slots.\(modality.rawValue)")
        }
        return JudgeConfig(modality, slots: slots, size: size, frames: frames, seconds: seconds)
    }

    /// What is asked about a medium: what stage 1 teaches, unless the plan says.
    func question(_ modality: Modality) -> String {
        questions[modality] ?? "generate a caption"
    }

    /// What a right answer about a medium says.
    func answer(_ modality: Modality, _ caption: String) -> String {
        EvaluationPlan.filled(answers[modality], caption)
    }

    /// What is asked to get a medium: its caption alone, as stage 2 teaches, unless the plan says.
    func request(_ modality: Modality, _ caption: String) -> String {
        EvaluationPlan.filled(requests[modality], caption)
    }

    private static func filled(_ template: String?, _ caption: String) -> String {
        guard let template else { return caption }
        return template.split(separator: "{caption}", omittingEmptySubsequences: false)
            .joined(separator: caption)
    }
}
