import FoundationEssentials
import ModelZoo
import TensorCore

/// A folder of ImageBind's: a file of weights under any name, and our description where it is not
/// the published one.
enum EncoderFolder {
    /// The description; nil where there is none.
    static func config(_ folder: String) throws -> ImageBindConfig? {
        let file = "\(folder)/config.json"
        guard FileManager.default.fileExists(atPath: file) else { return nil }
        return try ConfigFile.read(from: file)
    }

    /// The weights.
    ///
    /// - Throws: `CheckpointError`
    static func checkpoint(_ folder: String) throws -> Checkpoint {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let files = names.filter { $0.hasSuffix(".safetensors") || $0.hasSuffix(".pth") }
        guard let name = files.max() else {
            throw CheckpointError.unreadable(
                file: folder, reason: "it holds no .safetensors and no .pth")
        }
        return try Checkpoint(contentsOf: "\(folder)/\(name)")
    }

    /// The towers of media, to embed with and not to train.
    static func frozen(_ folder: String) throws -> ImageBind {
        let weights = Weights(try checkpoint(folder))
        let encoder = try ImageBind(config(folder) ?? .huge, from: weights)
        try weights.finish(unused: ImageBind.unusedTensors)
        weights.freeze()
        return encoder
    }
}
