import ModelZoo
import SouthGPT
import TensorCore

extension EncoderFolder {
    /// The towers of media, to embed with and not to train.
    static func frozen(_ folder: String) throws -> ImageBind {
        let weights = Weights(try checkpoint(folder))
        let encoder = try ImageBind(config(folder) ?? .huge, from: weights)
        try weights.finish(unused: ImageBind.unusedTensors)
        weights.freeze()
        return encoder
    }
}
