import FoundationEssentials
import MediaIO
import ModelZoo
public import TensorCore

/// What is here, what is missing, and what mends it: the report of `southgpt-doctor`.
public struct Checkup: Codable, Equatable, Sendable {
    /// One thing that was looked at.
    public struct Item: Codable, Equatable, Sendable {
        /// How it is.
        public enum State: String, Codable, Sendable {
            case ok
            /// Not there, and not needed for what was asked.
            case optional
            /// Not there, and needed.
            case missing
        }
        /// What was looked at.
        public let subject: String
        /// How it is.
        public let state: State
        /// What was found.
        public let detail: String
        /// The command or download that mends it.
        public let mend: String?
    }

    /// The processor and the memory.
    public let machine: Machine
    /// Worker threads.
    public let threads: Int
    /// Everything else, in the order in which it matters.
    public let items: [Item]
    /// The published weights, which only some uses need.
    public let parts: [PublishedPart]

    /// Whether nothing that is needed is missing.
    public var isHealthy: Bool { !items.contains { $0.state == .missing } }

    /// Looks at the machine, the libraries, and the folders.
    ///
    /// - Parameters:
    ///   - modelFolder: the folder that `--model` names, or nil for the bundled model
    ///   - bundled: where the bundled model lies, or why it does not
    ///   - root: where `ckpt/` and `data/` are looked for
    public init(
        modelFolder: String?, bundled: Result<String, ResourceError>, root: String = ".",
        environment: [String: String]? = nil
    ) {
        let environment = environment ?? ProcessInfo.processInfo.environment
        machine = Machine.current
        let asked = environment["SOUTHGPT_THREADS"]
        let known = asked.map { Int($0).map { $0 > 0 } ?? false } ?? true
        threads = asked.flatMap(Int.init).flatMap { $0 > 0 ? $0 : nil } ?? machine.cores
        var items = [
            Item(
                subject: "threads", state: known ? .ok : .missing,
                detail: known
                    ? "\(threads)\(asked == nil ? ", one a core" : ", by SOUTHGPT_THREADS")"
                    : "SOUTHGPT_THREADS is '\(asked ?? "")', expected a number above 0",
                mend: known ? nil : "unset SOUTHGPT_THREADS")
        ]
        items += (Machine.libraries + MediaLibraries.versions).map {
            Item(subject: $0.name, state: .ok, detail: $0.version, mend: nil)
        }
        items.append(Checkup.model(modelFolder, bundled))
        items.append(Checkup.data(root))
        items.append(Checkup.launcher(environment["PATH"] ?? ""))
        self.items = items
        parts = PublishedPart.all(ModelLookup(root: root, environment: environment), root: root)
    }

    private static func model(
        _ folder: String?, _ bundled: Result<String, ResourceError>
    ) -> Item {
        let subject = "model"
        if let folder {
            if LanguageModel.isAlone(at: folder) {
                return Item(
                    subject: subject, state: .ok, detail: "\(folder), a language model alone",
                    mend: nil)
            }
            do {
                let model = try ModelFolder(folder)
                let media = ["text"] + model.modalities.map(\.rawValue)
                return Item(
                    subject: subject, state: .ok,
                    detail: "\(folder), makes \(media.joined(separator: ", "))", mend: nil)
            } catch {
                // Its second half says what to do.
                return Item(subject: subject, state: .missing, detail: "\(error)", mend: nil)
            }
        }
        switch bundled {
        case .success(let folder):
            return Item(subject: subject, state: .ok, detail: folder, mend: nil)
        case .failure(let error):
            return Item(
                subject: subject, state: .missing,
                detail: "not found in \(error.looked.joined(separator: ", "))", mend: error.mend)
        }
    }

    private static func data(_ root: String) -> Item {
        let path = "data/T-X_pair_data"
        let isThere = FileManager.default.fileExists(atPath: "\(root)/\(path)")
        return Item(
            subject: "training data", state: isThere ? .ok : .optional,
            detail: isThere ? path : "\(path) is not there",
            mend: isThere ? nil : "see Configs/catalog.yaml for what goes where")
    }

    private static func launcher(_ path: String) -> Item {
        let isThere = path.split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/mpirun")
        }
        return Item(
            subject: "mpirun", state: isThere ? .ok : .optional,
            detail: isThere ? "found" : "not found; needed to train on several machines only",
            mend: isThere ? nil : "Scripts/setup --mpi")
    }
}
