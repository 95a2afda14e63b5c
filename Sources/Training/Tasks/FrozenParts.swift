import Dialogue
import ModelZoo
import SouthGPT
import TensorCore

extension StageModel {
    /// What must be as it was when a run goes on, beside the delta that it began with: weights that
    /// never move, by what an error calls them.
    ///
    /// - Throws: `CheckpointError`
    func frozenParts() throws -> [String: String] {
        var parts: [String: String] = [:]
        let start = languageModel.fingerprint.values.prefix(4).map { "\($0)" }
        parts["base model"] =
            "\(languageModel.fingerprint.layers) layers of "
            + "\(languageModel.fingerprint.hiddenSize), beginning with "
            + start.joined(separator: ", ")
        let tokenizer = layout.tokenizer
        let added = tokenizer.vocabularySize - tokenizer.model.vocabularySize
        parts["vocabulary"] = "\(tokenizer.model.vocabularySize) tokens and \(added) added"
        parts["encoder"] = try EncoderFolder.checkpoint(folder.path(of: "encoder")).fingerprint()
        let apart =
            ["inputProjection"] + Modality.allCases.map { "outputProjection.\($0.rawValue)" }
        for name in apart where folder.manifest.components[name] != nil {
            parts[name] = try Checkpoint(path: folder.path(of: name)).fingerprint()
        }
        return parts
    }
}
