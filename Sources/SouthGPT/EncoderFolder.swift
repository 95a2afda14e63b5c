import FoundationEssentials
package import ModelZoo
package import TensorCore

/// A folder of ImageBind's: a file of weights under any name, and our description where it is not
/// the published one.
package enum EncoderFolder {
    /// The description; nil where there is none.
    package static func config(_ folder: String) throws -> ImageBindConfig? {
        let file = "\(folder)/config.json"
        guard FileManager.default.fileExists(atPath: file) else { return nil }
        return try ConfigFile.read(from: file)
    }

    /// The weights.
    ///
    /// - Throws: `CheckpointError`; `ModelError.missingComponent` where there are none
    package static func checkpoint(_ folder: String) throws -> Checkpoint {
        let files = FileManager.default.names(in: folder).filter {
            $0.hasSuffix(".safetensors") || $0.hasSuffix(".pth")
        }
        guard let name = files.max() else {
            throw ModelError.missingComponent(
                name: "encoder", path: "\(folder)/imagebind_huge.pth")
        }
        return try Checkpoint(contentsOf: "\(folder)/\(name)")
    }
}
