import DataPipeline

/// All settings of a run: what every run has, the optimiser's side, and the task's own.
///
/// The files are laid over one another, keys of the command line over all; what was asked for in
/// none is an error that names the nearest key there is.
public struct RunSettings<TaskConfig: Codable & Sendable>: Sendable {
    public let run: RunConfig
    public let engine: EngineConfig
    public let task: TaskConfig
    /// Every value as it was resolved, by dotted key.
    public let values: [String: String]
    /// The same, as a file that `--config` reads.
    public let text: String

    /// Reads files, each laid over those before; then `key=value`s.
    ///
    /// - Throws: `SettingsError`, with the file or argument and the key
    public init(files: [String], assignments: [String] = []) throws {
        try self.init(files: files, assignments: assignments) { _, _ in }
    }

    init(
        files: [String], assignments: [String], check: (TaskConfig, Settings) throws -> Void
    ) throws {
        precondition(!files.isEmpty, "RunSettings: no files")
        var settings = try Settings("{}", name: files[0])
        for file in files {
            var layer = try Settings(contentsOf: file)
            layer.hoist("train", dropping: ["test", "validation"])
            settings.overlay(layer)
        }
        for assignment in assignments { try settings.set(assignment) }
        let parts: Parts<TaskConfig> = try settings.decode()
        (run, engine, task) = (parts.run, parts.engine, parts.task)
        (values, text) = (settings.values, try settings.text)
        try run.check(in: settings)
        try engine.check(in: settings)
        try check(task, settings)
    }
}

extension RunSettings {
    /// The same settings of a run with something else as the task's own.
    func with<Other>(_ task: Other) -> RunSettings<Other> {
        RunSettings<Other>(run: run, engine: engine, task: task, values: values, text: text)
    }

    fileprivate init(
        run: RunConfig, engine: EngineConfig, task: TaskConfig, values: [String: String],
        text: String
    ) {
        (self.run, self.engine, self.task) = (run, engine, task)
        (self.values, self.text) = (values, text)
    }
}

/// Types that read their own keys of the same mapping.
private struct Parts<TaskConfig: Decodable>: Decodable {
    let run: RunConfig
    let engine: EngineConfig
    let task: TaskConfig

    init(from decoder: any Decoder) throws {
        run = try RunConfig(from: decoder)
        engine = try EngineConfig(from: decoder)
        task = try TaskConfig(from: decoder)
    }
}

extension RunSettings where TaskConfig == TrainingConfig {
    /// Reads the settings of a stage: `base.yaml`, `stage_N.yaml`, `dsconfig/stage_N.json` (or
    /// `.yaml`), the file of the user's, the command line; each wins over those before.
    ///
    /// - Parameters:
    ///   - folder: `Configs`, or one like it
    ///   - extra: a file laid over those of the stage, as `--config` names it
    ///   - assignments: `key=value`, as `--set` gives them
    /// - Throws: `SettingsError`
    public init(
        stage: Stage, folder: String, extra: String? = nil, assignments: [String] = []
    ) throws {
        let name = "stage_\(stage.rawValue)"
        let engines = ["json", "yaml"].map { "\(folder)/dsconfig/\(name).\($0)" }
        let engine = engines.first(where: Settings.isThere) ?? engines[0]
        try self.init(
            files: ["\(folder)/base.yaml", "\(folder)/\(name).yaml", engine]
                + (extra.map { [$0] } ?? []),
            assignments: assignments
        ) { config, settings in try config.check(in: settings) }
    }
}
