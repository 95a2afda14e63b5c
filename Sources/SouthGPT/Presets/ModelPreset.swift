import FoundationEssentials
import TensorCore

/// A complete model that is made from nothing: every file in the published names and formats, with
/// random weights. What reads it reads the published model.
public enum ModelPreset: String, CaseIterable, Sendable {
    /// A few megabytes: two layers of everything.
    case tiny
    /// ImageBind huge, Vicuna 7B, Stable Diffusion v1-5, AudioLDM l-full and ZeroScope v2_576w at
    /// their published sizes, in `float16`: about 25 GB.
    case published

    private var sizes: PresetSizes {
        get throws {
            switch self {
            case .tiny: try .tiny()
            case .published: try .published()
            }
        }
    }

    /// Bytes of all weights.
    public var byteCount: Int {
        get throws { try PresetModel(sizes).parts.reduce(0) { try $0 + $1.byteCount() } }
    }

    /// Writes the model folder; a whole one or none.
    ///
    /// - Parameters:
    ///   - seed: of all weights; the same seed gives the same bytes
    ///   - progress: bytes written, of how many
    /// - Throws: `ModelError.occupied` where the folder has files already, `ModelError.noRoom` where
    ///   the disk cannot hold the model, `CheckpointError`
    public func write(
        to folder: String, seed: UInt64, progress: (Int, Int) -> Void = { _, _ in }
    ) throws {
        try write(to: folder, seed: seed, room: { DiskRoom(of: $0)?.free }, progress: progress)
    }

    /// - Parameter room: bytes that are free in a folder; nil where it is not known
    package func write(
        to folder: String, seed: UInt64, room: (String) -> Int?,
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws {
        guard FileManager.default.names(in: folder).isEmpty else {
            throw ModelError.occupied(folder: folder)
        }
        let sizes = try sizes
        let model = try PresetModel(sizes)
        let parts = model.parts
        let bytes = try parts.map { try $0.byteCount() }
        let total = bytes.reduce(0, +)
        // Beside its final place, so that the last step is a rename.
        let target = URL(filePath: folder).standardizedFileURL
        let draft = target.deletingLastPathComponent().appending(
            component: ".\(target.lastPathComponent)-\(UUID().uuidString)")
        do {
            try FileManager.default.createDirectory(at: draft, withIntermediateDirectories: true)
            if let free = room(draft.path), free < total {
                throw ModelError.noRoom(folder: folder, needed: total, free: free)
            }
            try model.describe(in: draft.path)
            var done = 0
            for (part, size) in zip(parts, bytes) {
                try part.write(to: draft.path, seed: seed, oneByOne: sizes.isLarge) {
                    progress(done + $0, total)
                }
                done += size
            }
            try? FileManager.default.removeItem(at: target)
            try FileManager.default.moveItem(at: draft, to: target)
        } catch {
            try? FileManager.default.removeItem(at: draft)
            if error is CheckpointError || error is ModelError { throw error }
            throw CheckpointError.unwritable(file: folder, reason: "\(error)")
        }
    }
}
