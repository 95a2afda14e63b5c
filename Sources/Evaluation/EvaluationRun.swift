public import DataPipeline
import Dialogue
import FoundationEssentials
import ModelZoo
public import SouthGPT
import TensorCore

/// How a model is evaluated.
public struct EvaluationSettings: Sendable {
    /// What is asked, and what the answers are held against.
    public var plan = EvaluationPlan()
    /// How replies are made where it differs from the model's own.
    public var options = GenerationOptions()
    /// What is done.
    public var tasks = Set(EvaluationTask.allCases)
    /// Records of each dataset at most, spread over it; nil for all.
    public var limit: Int?
    /// Captions among which one is to be found.
    public var pool = 20

    /// Everything, of all records.
    public init() {}
}

/// An evaluation: the model is asked, item by item, and what it says and makes is kept in a folder;
/// scores are taken from there. Stopped at any moment, the same call goes on.
public struct EvaluationRun: Sendable {
    /// What is evaluated.
    public enum Subject: Sendable {
        case model(MultimodalModel)
        /// The encoder alone, which can only retrieve.
        case encoder(String)

        var name: String {
            switch self {
            case .model(let model): model.folder.manifest.name
            case .encoder: "encoder"
            }
        }

        var path: String {
            switch self {
            case .model(let model): model.folder.path
            case .encoder(let folder): folder
            }
        }

        /// What tells the files that it is made of from others in their place.
        ///
        /// - Throws: `ModelError`, `CheckpointError`
        func fingerprint() throws -> String {
            switch self {
            case .encoder(let folder): try PartFiles(at: folder).fingerprint()
            case .model(let model):
                try model.folder.manifest.components.keys.sorted()
                    .map { try PartFiles(at: model.folder.path(of: $0)).fingerprint() }
                    .joined(separator: " ")
            }
        }
    }

    public let subject: Subject
    public let datasets: [DialogueDataset]
    public let settings: EvaluationSettings
    private let folder: String
    private let judges: [Modality: Judge]
    private let isNew: Bool

    /// Whether a folder is that of an encoder alone.
    public static func isEncoderAlone(_ folder: String) -> Bool {
        EmbeddingSpace.isAlone(at: folder)
    }

    /// How far it is.
    public struct Progress: Sendable {
        /// Such as `describe`.
        public let job: String
        public let completed: Int
        public let total: Int
        public let secondsLeft: Double?
    }

    /// Prepares an evaluation.
    ///
    /// - Parameters:
    ///   - folder: where everything is kept
    ///   - judges: the folder of judges, one of each modality that there is
    ///   - replacing: forgets what the folder has of an earlier evaluation
    /// - Throws: `ConfigError`, `CheckpointError` for judges that are not sound;
    ///   `EvaluationError.unavailable` where nothing can be done
    public init(
        _ subject: Subject, on datasets: [DialogueDataset], _ settings: EvaluationSettings,
        in folder: String, judges: String? = nil, replacing: Bool = false
    ) throws {
        (self.subject, self.datasets, self.folder) = (subject, datasets, folder)
        (self.settings, isNew) = (settings, replacing)
        var found: [Modality: Judge] = [:]
        if let judges {
            for modality in Modality.allCases where Judge.isThere("\(judges)/\(modality.rawValue)")
            {
                found[modality] = try Judge(folder: "\(judges)/\(modality.rawValue)")
            }
            guard !found.isEmpty else {
                throw EvaluationError.unavailable(
                    what: "Judging what is made",
                    needs: "a judge in \(judges)/image, audio or video: make one with "
                        + "southgpt-evaluate train-judge")
            }
        }
        self.judges = found
        if case .encoder = subject, !settings.tasks.contains(.retrieve) {
            throw EvaluationError.unavailable(
                what: "'\(settings.tasks.map(\.rawValue).sorted().joined(separator: ", "))'",
                needs: "a whole model: an encoder alone can do 'retrieve'")
        }
    }

    /// Asks what was not asked yet, and scores all.
    ///
    /// - Parameter report: what it throws ends the run; what is done is kept
    /// - Throws: `EvaluationError.otherRun`, `CheckpointError` for files of the model that can no longer
    ///   be read, and what the model throws of a setting; what a single record's medium is at fault for
    ///   is kept with the record
    public func run(report: (Progress) throws -> Void = { _ in }) throws -> EvaluationReport {
        var store = try EvaluationFolder(folder, identity: identity(), replacing: isNew)
        var items: [EvaluationItem] = []
        if case .model(let model) = subject {
            items = settings.plan.items(
                datasets, settings.tasks, limit: settings.limit, makes: model.folder.modalities)
            try ask(items, model, &store, report)
        }
        // The folder may have records of other datasets, and of more.
        return try EvaluationScoring(
            run: self, judges: judges, folder: folder,
            records: items.compactMap { store.records[$0.id] }
        ).report(report)
    }

    /// What must be as it was when an evaluation goes on.
    private func identity() throws -> [String: String] {
        let options = settings.options
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = (try? encoder.encode(options)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return [
            "model": subject.path, "model's files": try subject.fingerprint(),
            "generation settings": text, "plan": "\(settings.plan.asked)",
        ]
    }

    private func ask(
        _ items: [EvaluationItem], _ model: MultimodalModel, _ store: inout EvaluationFolder,
        _ report: (Progress) throws -> Void
    ) throws {
        var left = items.filter { store.records[$0.id] == nil }[...]
        // Each kind of work takes its own time.
        var pace: [String: (seconds: Double, count: Int)] = [:]
        func kind(_ item: EvaluationItem) -> String {
            "\(item.task) \(item.dataset.entry.name) \(item.chain?.to.rawValue ?? "")"
        }
        let clock = ContinuousClock()
        while let item = left.popFirst() {
            let rest = left.reduce(into: 0.0) { sum, item in
                let known = pace[kind(item)] ?? pace.values.first
                sum += known.map { $0.seconds / Double($0.count) } ?? .nan
            }
            let progress = Progress(
                job: item.task.rawValue, completed: items.count - left.count - 1,
                total: items.count, secondsLeft: rest.isFinite ? rest : nil)
            try report(progress)
            let start = clock.now
            var record = try withoutActuallyEscaping(report) { report in
                try Questioner(model: model, settings: settings, folder: folder) {
                    try report(progress)
                }(item)
            }
            record.seconds = (clock.now - start) / .seconds(1)
            try store.add(record)
            let known = pace[kind(item)] ?? (0, 0)
            pace[kind(item)] = (known.seconds + record.seconds, known.count + 1)
        }
    }
}
