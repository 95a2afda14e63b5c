import FoundationEssentials
import TensorCore

/// A complete model that is made from nothing: every file in the published names and formats, with
/// random weights. What reads it reads the published model.
public enum ModelPreset: String, CaseIterable, Sendable {
    /// A few megabytes: two layers of everything.
    case tiny

    /// Writes the model folder; a whole one or none.
    ///
    /// - Parameter seed: of all weights; the same seed gives the same bytes
    /// - Throws: `ModelError.occupied` where the folder has files already, `CheckpointError`
    public func write(to folder: String, seed: UInt64) throws {
        guard FileManager.default.names(in: folder).isEmpty else {
            throw ModelError.occupied(folder: folder)
        }
        // Beside its final place, so that the last step is a rename.
        let target = URL(filePath: folder).standardizedFileURL
        let draft = target.deletingLastPathComponent().appending(
            component: ".\(target.lastPathComponent)-\(UUID().uuidString)")
        do {
            try makeFolder(draft.path)
            try TinyModel(PresetFolder(draft.path, seed: seed)).write()
            try? FileManager.default.removeItem(at: target)
            try FileManager.default.moveItem(at: draft, to: target)
        } catch {
            try? FileManager.default.removeItem(at: draft)
            if error is CheckpointError || error is ModelError { throw error }
            throw CheckpointError.unwritable(file: folder, reason: "\(error)")
        }
    }
}
