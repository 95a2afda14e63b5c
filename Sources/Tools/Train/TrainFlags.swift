import ArgumentParser
import Foundation
import ToolOptions
import Training

/// What is trained.
struct SubjectFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Which stage: 1 encoder alignment, 2 decoder alignment, 3 instruction tuning.",
            valueName: "N"))
    var stage: Int?

    @Option(
        help: ArgumentHelp(
            "A component on its own: "
                + PretrainingTask.allCases.map(\.rawValue).joined(separator: ", ")
                + "; or stage_1, stage_2, stage_3.",
            valueName: "name"))
    var task: String?

    @Option(
        help: ArgumentHelp("Accepted for the published command line: train.", valueName: "mode"))
    var mode: String?

    @Option(parsing: .upToNextOption, help: .hidden)
    var modality: [String] = []

    /// What was given and has no meaning here.
    var unused: [String] {
        [("--mode", mode != nil), ("--modality", !modality.isEmpty)].filter(\.1).map(\.0)
    }

    func validate() throws {
        if let mode, mode != "train" {
            throw ValidationError("--mode is '\(mode)', expected train.")
        }
        guard stage == nil || task == nil else {
            throw ValidationError("--stage and --task name different things to train; give one.")
        }
        if let stage, Stage(rawValue: stage) == nil {
            throw ValidationError("--stage is \(stage), expected 1, 2 or 3.")
        }
        guard stage != nil || task != nil else {
            throw ValidationError("What is to be trained? Name it with --stage or --task.")
        }
    }

    func subject() -> TrainingRequest.Subject {
        let byName = Stage.allCases.first { task == "stage_\($0.rawValue)" }
        if let stage = stage.flatMap(Stage.init(rawValue:)) ?? byName { return .stage(stage) }
        return .component(task ?? "")
    }
}

/// Where things are, and where they go.
struct PlaceFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "'southgpt' for the README's ckpt/ under --root, or a model folder with southgpt.json.",
            valueName: "model"))
    var model = "southgpt"

    @Option(
        name: [.customLong("save_path"), .customLong("save-path")],
        help: ArgumentHelp("Receives what is trained, and the run in run/.", valueName: "dir"))
    var savePath = "ckpt/delta_ckpt/southgpt/7b_tiva_v0/"

    @Option(
        name: [.customLong("log_path"), .customLong("log-path")],
        help: ArgumentHelp(
            "Receives the logs: TensorBoard's, JSON lines, text. SAVE_PATH/log where absent.",
            valueName: "dir"))
    var logPath: String?

    @Option(
        help: ArgumentHelp("Settings laid over those that come with it.", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "One setting, as in seed=7 or optimizer.params.lr=1e-4; repeatable.",
            valueName: "key=value"))
    var set: [String] = []

    @Option(
        name: [.customLong("max_length"), .customLong("max-length")],
        help: ArgumentHelp("The same as --set max_length=N.", valueName: "N"))
    var maxLength: Int?

    @Option(help: ArgumentHelp("A catalog laid over the package's; repeatable.", valueName: "file"))
    var catalog: [String] = []

    @Option(help: ArgumentHelp("Where Configs/, data/ and ckpt/ lie.", valueName: "dir"))
    var root = "."

    @Option(
        name: [.customLong("assets_path"), .customLong("assets-path")],
        help: .hidden)
    var assetsPath: String?

    /// What was given and has no meaning here.
    var unused: [String] { assetsPath == nil ? [] : ["--assets_path"] }

    private var folder: String {
        savePath.count > 1 && savePath.hasSuffix("/") ? String(savePath.dropLast()) : savePath
    }

    func request(_ subject: TrainingRequest.Subject) throws -> TrainingRequest {
        var request = TrainingRequest(subject, savePath: folder)
        request.model = ["southgpt", "nextgpt"].contains(model) ? nil : model
        request.config = config
        request.assignments = set + (maxLength.map { ["max_length=\($0)"] } ?? [])
        request.catalogs = catalog
        request.root = root
        return request
    }

    /// The logs of a run, on the rank that writes.
    func log(
        of run: TrainingRun, _ communicator: Communicator, _ watcher: ProgressWatcher
    ) throws -> [any RunObserver] {
        guard communicator.rank == 0 else { return [] }
        let path = logPath ?? "\(folder)/log"
        try RunFolder.checkWritable(path)
        try RunFolder.make(path)
        return [
            try RunLog(folder: path, every: run.plan.config.loggingStep) { error in
                watcher.say("note: \(error)")
            }
        ]
    }
}
