import FoundationEssentials
import Glibc
import TensorCore

/// Where a run is kept: its checkpoints, its settings as resolved, and the samples that could not be
/// used.
///
/// ```
/// save_path/run/stage_1/
///   step_00000200/   parameters.safetensors optimizer.safetensors state.json
///   config.yaml  run.json  quarantine.jsonl
/// ```
/// A checkpoint's folder appears by one rename, after everything in it is on the disk: one that has
/// its name is whole. Only rank 0 writes, and only one process at a time.
public struct RunFolder: Sendable {
    /// The folder's path.
    public let path: String
    private let lock: FolderLock?

    /// Opens the folder, for a process that writes there or for one that reads.
    ///
    /// - Throws: `RunError.unwritable`, `.inUse`
    public init(_ path: String, isWriter: Bool) throws {
        self.path = path
        guard isWriter else {
            lock = nil
            return
        }
        try RunFolder.make(path)
        lock = try FolderLock(path)
        // What a killed process left half-written or half-removed.
        for name in RunFolder.names(in: path) where name.hasPrefix(RunFolder.draftMark) {
            RunFolder.remove("\(path)/\(name)")
        }
    }

    /// Finds out whether a folder can be written to, and leaves nothing behind.
    ///
    /// - Throws: `RunError.unwritable`
    public static func checkWritable(_ path: String) throws {
        var place = path
        var status = stat()
        while stat(place.isEmpty ? "." : place, &status) != 0 {
            guard errno == ENOENT else { break }
            place =
                place.contains("/")
                ? String(place[..<(place.lastIndex(of: "/") ?? place.startIndex)]) : ""
            if place.isEmpty, path.hasPrefix("/") { place = "/" }
        }
        if place.isEmpty { place = "." }
        func refused(_ reason: String) -> RunError { .unwritable(path: path, reason: reason) }
        guard stat(place, &status) == 0 else { throw refused(String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw refused("\(place) is a file") }
        guard access(place, W_OK | X_OK) == 0 else {
            throw refused("\(place) takes no new files: \(String(cString: strerror(errno)))")
        }
    }

    /// The file of unusable samples.
    public var quarantinePath: String { "\(path)/quarantine.jsonl" }
    /// The file that names the samples of a step whose loss was no number.
    public var notFinitePath: String { "\(path)/not-finite.json" }

    // MARK: Checkpoints

    private static let stepMark = "step_"
    private static let draftMark = ".draft-"

    /// The steps that have a checkpoint, in order.
    public var steps: [Int] {
        RunFolder.names(in: path).compactMap { name in
            name.hasPrefix(RunFolder.stepMark)
                ? Int(name.dropFirst(RunFolder.stepMark.count)) : nil
        }.sorted()
    }

    /// The folder of a checkpoint.
    public func path(ofStep step: Int) -> String {
        let digits = "\(step)"
        let zeros = String(repeating: "0", count: max(0, 8 - digits.count))
        return "\(path)/\(RunFolder.stepMark)\(zeros)\(digits)"
    }

    /// Where a checkpoint stands.
    ///
    /// - Throws: `RunError.badCheckpoint`
    func state(ofStep step: Int) throws -> RunState {
        let file = "\(path(ofStep: step))/state.json"
        func bad(_ reason: String) -> RunError {
            .badCheckpoint(path: path(ofStep: step), reason: reason)
        }
        guard let bytes = FileManager.default.contents(atPath: file), bytes.count < 16 << 20 else {
            throw bad("state.json cannot be read")
        }
        guard let state = try? JSONDecoder().decode(RunState.self, from: bytes) else {
            throw bad("state.json is damaged, or of another version")
        }
        guard state.format == RunState.currentFormat else {
            throw bad(
                "it is of format \(state.format), this program reads \(RunState.currentFormat)")
        }
        guard state.step == step else { throw bad("it says that it is of step \(state.step)") }
        guard (0...max(state.steps, 0)).contains(step) else {
            throw bad("it says that its run has \(state.steps) steps")
        }
        guard state.globalBatch > 0, state.accumulation > 0 else {
            throw bad(
                "it says: samples of a batch \(state.globalBatch), batches of a step "
                    + "\(state.accumulation)")
        }
        return state
    }

    /// The weights of a checkpoint, and what its optimisers remember.
    ///
    /// - Throws: `CheckpointError`
    func tensors(ofStep step: Int) throws -> (parameters: Checkpoint, optimizer: Checkpoint) {
        let folder = path(ofStep: step)
        return (
            try Checkpoint(contentsOf: "\(folder)/parameters.safetensors"),
            try Checkpoint(contentsOf: "\(folder)/optimizer.safetensors")
        )
    }

    /// Writes a checkpoint, then removes those that need not stay. What was there remains whole
    /// whatever happens.
    ///
    /// - Parameters:
    ///   - optimizer: loaded one at a time, in the order of their file
    ///   - keeping: the newest that stay, beside that of `state.best`
    /// - Throws: `CheckpointError.unwritable`
    func save(
        _ state: RunState, parameters: [(name: String, value: Tensor)],
        optimizer: [StoredTensor], keeping: Int
    ) throws {
        let target = path(ofStep: state.step)
        let draft = "\(path)/\(RunFolder.draftMark)\(state.step)"
        RunFolder.remove(draft)
        do {
            try RunFolder.make(draft)
            try Safetensors.write(parameters, to: "\(draft)/parameters.safetensors")
            try Safetensors.write(optimizer, to: "\(draft)/optimizer.safetensors")
            try RunFolder.write(state, to: "\(draft)/state.json")
            try RunFolder.synchronize(draft)
            guard rename(draft, target) == 0 else {
                throw CheckpointError.unwritable(
                    file: target, reason: String(cString: strerror(errno)))
            }
            try RunFolder.synchronize(path)
        } catch {
            RunFolder.remove(draft)
            throw error
        }
        for step in steps.dropLast(keeping) where step != state.best?.step { retire(step) }
    }

    /// Removes a checkpoint: it loses its name first, so that no half of it is taken for a whole.
    private func retire(_ step: Int) {
        let place = "\(path)/\(RunFolder.draftMark)old-\(step)"
        if rename(path(ofStep: step), place) == 0 { RunFolder.remove(place) }
    }

    // MARK: Beside the checkpoints

    /// Writes a file of JSON.
    ///
    /// - Throws: `CheckpointError.unwritable`
    static func write(_ value: some Encodable, to file: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let text = [UInt8](try encoder.encode(value)) + [UInt8(ascii: "\n")]
        try AtomicFile.write(to: file) { try $0.write(text) }
    }

    /// Writes what the run is: `config.yaml`, which `--config` reads, and `run.json`.
    func describe(_ summary: RunSummary, config: String) throws {
        try AtomicFile.write(to: "\(path)/config.yaml") { try $0.write(config) }
        try RunFolder.write(summary, to: "\(path)/run.json")
    }

    // MARK: Folders

    private static func names(in folder: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }

    private static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

    package static func make(_ folder: String) throws {
        do {
            try makeFolder(folder)
        } catch CheckpointError.unwritable(let path, let reason) {
            throw RunError.unwritable(path: path, reason: reason)
        }
    }

    /// Waits until a folder's names are on the disk.
    private static func synchronize(_ folder: String) throws {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if descriptor >= 0 { close(descriptor) } }
        guard descriptor >= 0, fsync(descriptor) == 0 else {
            throw CheckpointError.unwritable(
                file: folder, reason: String(cString: strerror(errno)))
        }
    }
}

/// Keeps other processes out of a folder for as long as it lives; a killed process lets go.
private final class FolderLock: Sendable {
    private let descriptor: Int32

    init(_ folder: String) throws {
        descriptor = open("\(folder)/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw RunError.unwritable(
                path: folder, reason: String(cString: strerror(errno)))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw RunError.inUse(folder: folder)
        }
    }

    deinit { closeUnlocking(descriptor) }
}
