/// Why a run could not begin, go on or be kept. Each text is one line.
public enum RunError: Error, Equatable {
    /// Nothing can be written where the run should be kept.
    case unwritable(path: String, reason: String)
    /// Another process has the run's folder.
    case inUse(folder: String)
    /// The folder has a run, and nothing said that it should go on.
    case occupied(folder: String, step: Int, steps: Int)
    /// The run in the folder was made with other settings, by key.
    case changed(folder: String, changes: [Change])
    /// The run in the folder is of another task, model or vocabulary.
    case otherRun(folder: String, changes: [Change])
    /// A checkpoint that no run of this program wrote, or that is damaged.
    case badCheckpoint(path: String, reason: String)
    /// Losses or gradients are no numbers.
    case notFinite(step: Int, list: String)

    /// Something that was one way and is another.
    public struct Change: Equatable, Sendable {
        public let name: String
        public let before: String
        public let now: String
    }
}

extension RunError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unwritable(let path, let reason):
            "\(path): cannot be written to: \(reason). Name another folder with --save_path."
        case .inUse(let folder):
            "\(folder): another process trains there. Wait for it, or name another --save_path."
        case .occupied(let folder, let step, let steps):
            "\(folder): holds a run at step \(step) of \(steps). Go on with it by --resume, or "
                + "remove the folder to start anew."
        case .changed(let folder, let changes):
            "\(folder): the run there was started with other settings: \(Self.list(changes)). "
                + "Set them back, or start anew with another --save_path."
        case .otherRun(let folder, let changes):
            "\(folder): holds another run: \(Self.list(changes)). Name another --save_path."
        case .badCheckpoint(let path, let reason):
            "\(path): not a checkpoint of a run: \(reason). Remove it to go on from the one before."
        case .notFinite(let step, let list):
            "step \(step): the loss or a gradient is not a number. \(list) names the samples; look "
                + "at them, or lower the learning rate. The last checkpoint is sound."
        }
    }

    private static func list(_ changes: [Change]) -> String {
        changes.map { "\($0.name) was \($0.before), is \($0.now)" }.joined(separator: "; ")
    }
}
