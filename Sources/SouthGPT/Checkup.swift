import FoundationEssentials
import MediaIO
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
        items += Checkup.folders(root)
        items.append(Checkup.launcher(environment["PATH"] ?? ""))
        self.items = items
    }

    private static func model(
        _ folder: String?, _ bundled: Result<String, ResourceError>
    ) -> Item {
        let subject = "model"
        if let folder {
            let file = "\(folder)/southgpt.json"
            return FileManager.default.fileExists(atPath: file)
                ? Item(subject: subject, state: .ok, detail: folder, mend: nil)
                : Item(
                    subject: subject, state: .missing, detail: "\(file) is not there",
                    mend: "southgpt-checkpoint init --preset tiny --seed 13 --output \(folder)")
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

    /// The published weights and the training data, which only some uses need.
    private static func folders(_ root: String) -> [Item] {
        let pretrained = "ckpt/pretrained_ckpt"
        let wanted = [
            (
                "ImageBind", "\(pretrained)/imagebind_ckpt/huge/imagebind_huge.pth",
                "download https://dl.fbaipublicfiles.com/imagebind/imagebind_huge.pth (4.8 GB)"
            ),
            (
                "Vicuna 7B v0", "\(pretrained)/vicuna_ckpt/7b_v0/config.json",
                "put the merged sum of LLaMA 7B and the Vicuna delta v0 there"
            ),
            ("training data", "data/T-X_pair_data", "see Configs/catalog.yaml for what goes where"),
        ]
        return wanted.map { subject, path, mend in
            let isThere = FileManager.default.fileExists(atPath: "\(root)/\(path)")
            return Item(
                subject: subject, state: isThere ? .ok : .optional,
                detail: isThere ? path : "\(path) is not there", mend: isThere ? nil : mend)
        }
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
