import DataPipeline
import FoundationEssentials
import ModelZoo
public import SouthGPT
import TensorCore

/// A run with everything that it needs found, opened and checked; nothing is written before it
/// starts.
public struct TrainingRun: Sendable {
    /// What is trained, on what, for how long.
    public let summary: RunSummary
    /// Receives what was trained.
    public let savePath: String
    /// How the run goes.
    public let plan: RunPlan
    let task: any TrainingTask
    let data: TrainingData
    let communicator: Communicator
    private let folderPath: String

    /// Checks folders, settings, datasets, embeddings and weights, in the order of what they cost.
    ///
    /// - Throws: `RunError`, `SettingsError`, `DatasetError`, `StageError`, `ModelError`,
    ///   `CheckpointError` and what else is wrong with a file, by its name
    public init(_ request: TrainingRequest, communicator: Communicator) throws {
        savePath = request.savePath
        self.communicator = communicator
        try RunFolder.checkWritable(savePath)
        let parts: Parts
        switch request.subject {
        case .stage(let stage): parts = try Parts(stage, request, communicator)
        case .component(let name): parts = try Parts(component: name, request, communicator)
        }
        (plan, data, task) = (parts.plan, parts.data, parts.task)
        folderPath = parts.folder
        let steps = try RunFolder(folderPath, isWriter: false).steps
        summary = RunSummary(
            task: task, plan: plan, data: data, completed: steps.last ?? 0)
    }

    /// Trains to the end, or until it is stopped, and writes what was trained.
    ///
    /// - Parameters:
    ///   - stop: raised to end the run after the step that is being taken, with a checkpoint
    ///   - observers: are told what happens, on rank 0
    /// - Throws: as `Trainer.run`
    public func run(
        stop: StopFlag = StopFlag(), observers: [any RunObserver] = []
    ) async throws -> StopReason {
        try communicator.requireAgreement(on: plan.text, about: "the settings")
        let folder = try RunFolder(folderPath, isWriter: communicator.rank == 0)
        // The others read what rank 0 has made sure of.
        try communicator.barrier()
        let reason = try await train(task, folder, stop, observers)
        switch reason {
        case .completed, .stoppedEarly:
            if communicator.rank == 0 {
                try task.write(to: savePath)
                for observer in observers {
                    observer.note(.saved(path: savePath, step: folder.steps.last ?? 0))
                }
            }
            try communicator.barrier()
        case .interrupted, .notFinite, .failed: break
        }
        return reason
    }

    private func train(
        _ task: some TrainingTask, _ folder: RunFolder, _ stop: StopFlag,
        _ observers: [any RunObserver]
    ) async throws -> StopReason {
        try await Trainer(
            task, plan: plan, data: data, folder: folder, communicator: communicator,
            observers: observers
        ).run(stop: stop)
    }
}

/// What a request comes to.
private struct Parts {
    let plan: RunPlan
    let data: TrainingData
    let task: any TrainingTask
    let folder: String

    init(_ stage: Stage, _ request: TrainingRequest, _ communicator: Communicator) throws {
        let name = "stage_\(stage.rawValue)"
        folder = "\(request.savePath)/run/\(name)"
        let settings = try RunSettings(
            stage: stage, folder: request.configFolder(), extra: request.config,
            assignments: request.assignments)
        let entries = try Parts.entries(settings.run.datasetNameList, request)
        try stage.check(entries)
        data = try TrainingData(entries, settings.run, prompt: settings.task.prompt)
        let kept = try Parts.state(in: folder, request)
        plan = try RunPlan(
            task: name, settings: settings, sizes: data.sizes, ranks: communicator.size,
            globalBatch: kept?.globalBatch, unused: settings.task.unusedKeys + request.unusedFlags)
        let task = try StageTask(
            stage, config: settings.task,
            model: request.model.map { .folder($0) } ?? .checkpoints(root: request.root),
            delta: Parts.delta(in: request.savePath),
            storage: settings.engine.storesBrainFloat ? .bfloat16 : .float32,
            started: kept?.identity[StageTask.startKey])
        try task.check(data.training + data.heldOut)
        self.task = task
        _ = try kept?.check(task, plan: plan, data: data, folder: folder)
    }

    init(
        component name: String, _ request: TrainingRequest, _ communicator: Communicator
    ) throws {
        folder = "\(request.savePath)/run/\(name)"
        let component = try PretrainingTask.named(name)
        let opened = try component.open(
            files: Parts.files(of: name, request), assignments: request.assignments,
            root: request.root
        ) { name in
            try DialogueDataset(Parts.entries([name], request)[0])
        }
        task = opened.task
        let entries = try Parts.entries(opened.settings.run.datasetNameList, request)
        data = try TrainingData(entries, opened.settings.run)
        let kept = try Parts.state(in: folder, request)
        plan = try RunPlan(
            task: task.name, settings: opened.settings, sizes: data.sizes,
            ranks: communicator.size, globalBatch: kept?.globalBatch, unused: request.unusedFlags)
        _ = try kept?.check(opened.task, plan: plan, data: data, folder: folder)
    }

    /// The settings of a component, each file laid over those before. A file of the user's that has
    /// a recipe takes the place of the component's own, so that no key of that one stays in it.
    private static func files(
        of component: String, _ request: TrainingRequest
    ) throws -> [String] {
        let folder = try "\(request.configFolder())/pretrain"
        let (shared, own) = ("\(folder)/base.yaml", "\(folder)/\(component).yaml")
        guard let file = request.config else { return [shared, own] }
        return try Settings(contentsOf: file).has("recipe") ? [shared, file] : [shared, own, file]
    }

    /// The catalog's entries of those names.
    private static func entries(
        _ names: [String], _ request: TrainingRequest
    ) throws -> [DatasetEntry] {
        let catalog = try Catalog(
            contentsOf: Catalog.files(layingOver: request.catalogs, root: request.root),
            root: request.root)
        return try names.map { try catalog.entry($0) }
    }

    /// Where the run that is in a folder stands, if there is one and it may go on.
    private static func state(in path: String, _ request: TrainingRequest) throws -> RunState? {
        let folder = try RunFolder(path, isWriter: false)
        guard let step = folder.steps.last else { return nil }
        let state = try folder.state(ofStep: step)
        guard request.resumes else {
            throw RunError.occupied(folder: path, step: step, steps: state.steps)
        }
        return state
    }

    /// What an earlier stage left where this one saves.
    private static func delta(in folder: String) -> String? {
        let names = ["model.safetensors", "pytorch_model.pt"]
        let isThere = names.contains { Settings.isThere("\(folder)/\($0)") }
        return isThere ? folder : nil
    }
}

extension Stage {
    /// Checks that the stage can use each dataset.
    ///
    /// - Throws: `SettingsError.badValue`
    func check(_ entries: [DatasetEntry]) throws {
        for entry in entries where !accepted.contains(entry.type) {
            throw SettingsError.badValue(
                key: "dataset_name_list", file: "stage_\(rawValue).yaml",
                found: "'\(entry.name)', of type \(entry.type.rawValue)",
                expected: accepted.map(\.rawValue).joined(separator: ", "))
        }
    }
}
