import DataPipeline

/// What a user asks to be trained, and where things are.
public struct TrainingRequest: Sendable {
    /// What is trained.
    public enum Subject: Equatable, Sendable {
        case stage(Stage)
        /// A component on its own, by its name.
        case component(String)
    }

    public var subject: Subject
    /// Receives what was trained, and the run in `run/`.
    public var savePath: String
    /// Where `data/`, `ckpt/` and `Configs/` are.
    public var root = "."
    /// A model folder; nil for the README's layout under `root`.
    public var model: String?
    /// A file laid over the settings that come with the package.
    public var config: String?
    /// `key=value`s, which win over all files.
    public var assignments: [String] = []
    /// Catalogs laid over the package's.
    public var catalogs: [String] = []
    /// Flags that were given and have no effect, to be named with such keys.
    public var unusedFlags: [String] = []
    /// Goes on with the run that is in `savePath`, if there is one.
    public var resumes = false

    /// A request for that, to be saved there.
    public init(_ subject: Subject, savePath: String) {
        (self.subject, self.savePath) = (subject, savePath)
    }

    /// The folder of settings: the root's own, or the package's.
    ///
    /// - Throws: `ResourceError`
    func configFolder() throws -> String {
        String(try Catalog.standardFile(root: root).dropLast("/catalog.yaml".count))
    }
}
